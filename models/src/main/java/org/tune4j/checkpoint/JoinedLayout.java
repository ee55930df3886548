package org.tune4j.checkpoint;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.ArrayList;
import java.util.List;
import org.tune4j.InputException;
import org.tune4j.checkpoint.HuggingFaceFolder.Weight;
import org.tune4j.checkpoint.SafetensorsFile.Entry;

/**
 * A tensor that lies in several files, a piece in each.
 *
 * @param parts of one shape and type, in order
 * @param outer rows of a part that lie apart from each other in the whole: 1 where the parts stand
 *     one behind the other
 */
record JoinedLayout(List<Weight> parts, long outer) implements Layout {
  /** The whole, of which each part is a stretch of one dimension. */
  static Entry of(List<Weight> parts, int dimension) {
    Entry first = parts.get(0).entry();
    for (Weight part : parts) {
      if (!part.entry().shape().equals(first.shape()) || part.entry().type() != first.type()) {
        throw new InputException(
            "%s: %s is %s %s, in %s it is %s %s; give the files of one model"
                .formatted(
                    part.file(),
                    Texts.quoted(first.name()),
                    part.entry().type(),
                    part.entry().shape(),
                    parts.get(0).file(),
                    first.type(),
                    first.shape()));
      }
    }
    List<Long> shape = new ArrayList<>(first.shape());
    long outer = 1;
    for (int i = 0; i < dimension; i++) {
      outer *= shape.get(i);
    }
    shape.set(dimension, shape.get(dimension) * parts.size());
    return new Entry(
        first.name(),
        first.type(),
        shape,
        first.offset(),
        first.length() * parts.size(),
        new JoinedLayout(List.copyOf(parts), outer));
  }

  @Override
  public void read(FileChannel file, Entry entry, long at, ByteBuffer target) throws IOException {
    long piece = parts.get(0).entry().length() / outer;
    List<FileChannel> open = new ArrayList<>();
    try {
      for (Weight part : parts) {
        open.add(FileChannel.open(part.file()));
      }
      long from = at;
      int end = target.limit();
      while (target.position() < end) {
        long index = from / piece;
        int part = (int) (index % parts.size());
        long within = from % piece;
        target.limit((int) Math.min(end, target.position() + piece - within));
        from += target.remaining();
        Entry own = parts.get(part).entry();
        own.layout().read(open.get(part), own, index / parts.size() * piece + within, target);
      }
    } finally {
      for (FileChannel channel : open) {
        channel.close();
      }
    }
  }
}
