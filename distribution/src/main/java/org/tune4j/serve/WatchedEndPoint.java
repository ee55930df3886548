package org.tune4j.serve;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.SocketChannel;
import java.util.concurrent.Executor;
import org.eclipse.jetty.io.ManagedSelector;
import org.eclipse.jetty.io.SocketChannelEndPoint;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.util.BufferUtil;
import org.eclipse.jetty.util.thread.Scheduler;

/**
 * A connection that can be asked whether the client has closed it while its request is answered,
 * when the server does not read. A byte that is found instead is the next request's and kept for
 * it.
 */
final class WatchedEndPoint extends SocketChannelEndPoint {
  private final Executor executor;
  private final ByteBuffer ahead = BufferUtil.allocate(1);

  private WatchedEndPoint(
      SocketChannel channel,
      ManagedSelector selector,
      SelectionKey key,
      Scheduler scheduler,
      Executor executor) {
    super(channel, selector, key, scheduler);
    this.executor = executor;
  }

  /** A connector of such connections. */
  static ServerConnector connector(Server server, HttpConnectionFactory http) {
    return new ServerConnector(server, 1, 1, http) {
      @Override
      protected SocketChannelEndPoint newEndPoint(
          SocketChannel channel, ManagedSelector selector, SelectionKey key) {
        WatchedEndPoint made =
            new WatchedEndPoint(channel, selector, key, getScheduler(), getExecutor());
        made.setIdleTimeout(getIdleTimeout());
        return made;
      }
    };
  }

  /** Whether the client has closed its side. Does not block. */
  boolean peerHasGone() {
    synchronized (ahead) {
      try {
        return !ahead.hasRemaining() && super.fill(ahead) < 0;
      } catch (IOException e) {
        return true;
      }
    }
  }

  @Override
  public int fill(ByteBuffer buffer) throws IOException {
    synchronized (ahead) {
      return ahead.hasRemaining() ? BufferUtil.append(buffer, ahead) : super.fill(buffer);
    }
  }

  @Override
  protected void needsFillInterest() {
    boolean there;
    synchronized (ahead) {
      there = ahead.hasRemaining();
    }
    if (there) {
      executor.execute(() -> getFillInterest().fillable());
    } else {
      super.needsFillInterest();
    }
  }
}
