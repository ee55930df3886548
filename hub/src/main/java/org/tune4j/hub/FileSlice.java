package org.tune4j.hub;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;

/** A part of a file that a connection reads, which tells how much, and stops where none is read. */
final class FileSlice extends InputStream {
  private final FileChannel file;
  private final long end;
  private final TransferListener listener;
  private final StallWatch.Watched watched;
  private long at;
  private long sent;

  FileSlice(Path path, long from, long bytes, StallWatch watch, TransferListener listener)
      throws IOException {
    this.file = FileChannel.open(path);
    this.at = from;
    this.end = from + bytes;
    this.listener = listener;
    this.watched = watch.over(this);
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
  }

  @Override
  public int read(byte[] target, int offset, int length) throws IOException {
    int n =
        at == end
            ? -1
            : file.read(ByteBuffer.wrap(target, offset, (int) Math.min(length, end - at)), at);
    watched.alive();
    if (n < 0) {
      watched.close(); // all is sent: how long the other side takes to answer is its own affair
    } else {
      at += n;
      sent += n;
      listener.transferred(n);
    }
    return n;
  }

  /** Bytes that were read, of which the listener has heard. */
  long sent() {
    return sent;
  }

  @Override
  public void close() throws IOException {
    watched.close();
    file.close();
  }
}
