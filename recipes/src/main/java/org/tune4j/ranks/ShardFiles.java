package org.tune4j.ranks;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.tune4j.EnvironmentException;
import org.tune4j.InputException;
import org.tune4j.TuneException;
import org.tune4j.checkpoint.AtomicFolder;
import org.tune4j.checkpoint.SafetensorsFile;
import org.tune4j.checkpoint.SafetensorsType;
import org.tune4j.checkpoint.SafetensorsWriter;
import org.tune4j.checkpoint.StoredTensor;
import org.tune4j.collective.ProcessGroup;
import org.tune4j.collective.ShardRange;

/**
 * Ranges that every rank has written to a file of its own, as whole parameters: each is read from
 * the files, piece by piece, when it is written. The folder must be the same on all ranks.
 */
final class ShardFiles {
  private final Path folder;
  private final List<SafetensorsFile> files;

  private ShardFiles(Path folder, List<SafetensorsFile> files) {
    this.folder = folder;
    this.files = files;
  }

  /**
   * Writes this rank's file and waits for the others'.
   *
   * @param own this rank's ranges, by names that are the same on all ranks
   * @throws EnvironmentException when it cannot be written
   * @throws InputException when another rank's is not in the folder
   */
  static ShardFiles write(ProcessGroup ranks, Path folder, List<StoredTensor> own) {
    try {
      Files.createDirectories(folder);
    } catch (IOException e) {
      throw new EnvironmentException(
          "%s cannot be written: %s; choose another output_dir"
              .formatted(folder, TuneException.reason(e)),
          e);
    }
    SafetensorsWriter.write(file(folder, ranks.rank()), own);
    ranks.barrier();
    if (ranks.rank() != 0) {
      return new ShardFiles(folder, List.of());
    }
    return new ShardFiles(
        folder,
        IntStream.range(0, ranks.worldSize())
            .mapToObj(
                rank -> {
                  if (!Files.exists(file(folder, rank))) {
                    throw new InputException(
                        "%s of rank %d is missing; output_dir must be one folder shared by all machines, such as NFS"
                            .formatted(file(folder, rank), rank));
                  }
                  return SafetensorsFile.open(file(folder, rank));
                })
            .toList());
  }

  private static Path file(Path folder, int rank) {
    return folder.resolve("rank_%d.safetensors".formatted(rank));
  }

  /**
   * All parameters of some shards; rank 0 can write them until the files are {@linkplain #remove
   * removed}.
   *
   * @param prefix of the names of ranges and parameters, such as {@code exp_avg.}
   */
  Map<String, StoredTensor> whole(String prefix, List<FlatShard> shards) {
    Map<String, StoredTensor> all = new LinkedHashMap<>();
    for (FlatShard shard : shards) {
      for (FlatShard.Slot slot : shard.slots()) {
        String name = prefix + slot.name();
        all.put(name, stored(name, slot, prefix + shard.shard().name(), shard.total()));
      }
    }
    return all;
  }

  private StoredTensor stored(String name, FlatShard.Slot slot, String range, long total) {
    SafetensorsType type = files.get(0).entry(range).type();
    int bytes = type.bytes();
    return new StoredTensor(
        name,
        type,
        Arrays.stream(slot.parameter().shape().toArray()).boxed().toList(),
        channel -> {
          for (int rank = 0; rank < files.size(); rank++) {
            ShardRange own = ShardRange.of(total, rank, files.size());
            long from = Math.max(own.start(), slot.start());
            long to = Math.min(own.start() + own.length(), slot.start() + slot.length());
            if (from < to) {
              SafetensorsFile.Entry e = files.get(rank).entry(range);
              copy(
                  files.get(rank).path(),
                  e.offset() + (from - own.start()) * bytes,
                  (to - from) * bytes,
                  channel);
            }
          }
        });
  }

  private static void copy(Path file, long from, long bytes, WritableByteChannel to)
      throws IOException {
    try (FileChannel in = FileChannel.open(file, StandardOpenOption.READ)) {
      for (long done = 0; done < bytes; ) {
        long n = in.transferTo(from + done, bytes - done, to);
        if (n <= 0) {
          throw new IOException("%s ends too early".formatted(file));
        }
        done += n;
      }
    }
  }

  void remove() {
    AtomicFolder.remove(folder);
  }
}
