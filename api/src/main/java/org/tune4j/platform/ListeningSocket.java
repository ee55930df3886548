package org.tune4j.platform;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.OptionalInt;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A socket that listens on one address. TCPStore by itself listens on all that a machine has; it
 * takes a listening socket by its file descriptor, which Java does not tell and Linux does. Other
 * systems' store listens on all addresses, and a warning says so.
 */
public final class ListeningSocket {
  private static final Logger LOG = LoggerFactory.getLogger(ListeningSocket.class);
  private static final Path DESCRIPTORS = Path.of("/proc/self/fd");
  private static final List<Path> TABLES =
      List.of(Path.of("/proc/self/net/tcp"), Path.of("/proc/self/net/tcp6"));
  private static final String LISTENS = "0A";

  private ListeningSocket() {}

  /**
   * Opens one for others to close.
   *
   * @param address to listen on
   * @param port to listen on
   * @return its file descriptor; empty where the address is not this machine's, or descriptors are
   *     not told
   * @throws IOException when the port is taken
   */
  public static OptionalInt open(InetAddress address, int port) throws IOException {
    if (NetworkInterface.getByInetAddress(address) == null) {
      return OptionalInt.empty();
    }
    if (!Files.isDirectory(DESCRIPTORS)) {
      LOG.warn(
          "rank 0 listens on port {} of all addresses, as this system cannot listen on {} alone; let a firewall close it to other machines",
          port,
          address.getHostAddress());
      return OptionalInt.empty();
    }
    // Not closed here: whoever gets the descriptor does. A channel has no finalizer.
    ServerSocketChannel channel = ServerSocketChannel.open();
    channel.bind(new InetSocketAddress(address, port));
    OptionalInt descriptor = descriptor(listening(port));
    if (descriptor.isEmpty()) {
      channel.close();
    }
    return descriptor;
  }

  /** As links in {@link #DESCRIPTORS} name them. */
  private static Set<String> listening(int port) throws IOException {
    Set<String> sockets = new HashSet<>();
    String ending = String.format(Locale.ROOT, ":%04X", port);
    for (Path table : TABLES) {
      for (String line : Files.exists(table) ? Files.readAllLines(table) : List.<String>of()) {
        // Number, local address, other address, state, six more, inode.
        String[] words = line.strip().split("\\s+");
        if (words.length > 9 && words[1].endsWith(ending) && words[3].equals(LISTENS)) {
          sockets.add("socket:[" + words[9] + "]");
        }
      }
    }
    return sockets;
  }

  private static OptionalInt descriptor(Set<String> sockets) throws IOException {
    try (DirectoryStream<Path> all = Files.newDirectoryStream(DESCRIPTORS)) {
      for (Path one : all) {
        if (sockets.contains(target(one))) {
          return OptionalInt.of(Integer.parseInt(one.getFileName().toString()));
        }
      }
    }
    return OptionalInt.empty();
  }

  private static String target(Path link) {
    try {
      return Files.readSymbolicLink(link).toString();
    } catch (IOException e) {
      return ""; // closed meanwhile
    }
  }
}
