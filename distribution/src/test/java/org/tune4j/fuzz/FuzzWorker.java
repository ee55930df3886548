package org.tune4j.fuzz;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.tune4j.TuneException;

/**
 * The process that reads the inputs: target, seed, first, count, folder, progress file. It keeps in
 * the progress file which input it is at, prints a line for each that ends in something else than
 * the project's own exceptions, and exits with 0.
 */
final class FuzzWorker {
  private FuzzWorker() {}

  public static void main(String[] args) throws IOException {
    Target target = Target.valueOf(args[0]);
    long seed = Long.parseLong(args[1]);
    int first = Integer.parseInt(args[2]);
    int count = Integer.parseInt(args[3]);
    Path folder = Path.of(args[4]);
    int refused = 0;
    try (FileChannel progress =
        FileChannel.open(Path.of(args[5]), StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
      for (int i = first; i < first + count; i++) {
        progress.write(ByteBuffer.allocate(4).putInt(0, i), 0);
        byte[] input = input(target, seed, i);
        try {
          target.read(folder, input);
        } catch (TuneException e) {
          refused++;
          if (e.getMessage().contains("\n")) {
            System.out.printf("%d: several lines: %s%n", i, e.getMessage().replace("\n", "\\n"));
          }
        } catch (Throwable e) {
          System.out.printf(
              "%d: %s at %s%n",
              i,
              e.toString().replaceAll("\\s+", " "),
              e.getStackTrace().length == 0 ? "?" : e.getStackTrace()[0]);
        }
      }
    }
    System.out.println("refused " + refused);
  }

  /** A function of its arguments, so that a finding can be seen again. */
  static byte[] input(Target target, long seed, int i) throws IOException {
    return new Mutator(seed * 1_000_003 + i).mutate(target.seeds());
  }

  /** Saves an input, to look at. */
  static void save(Target target, long seed, int i, Path to) throws IOException {
    Files.write(to, input(target, seed, i));
  }
}
