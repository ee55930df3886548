package org.tune4j.serve;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.eclipse.jetty.io.ManagedSelector;
import org.eclipse.jetty.io.SocketChannelEndPoint;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.util.BufferUtil;
import org.eclipse.jetty.util.thread.Scheduler;
import org.jspecify.annotations.Nullable;

/**
 * A connection that gives each request a time to arrive, whatever it is made of, and that can be
 * asked whether the client has closed it while its request is answered, when the server does not
 * read. A byte that is found instead is the next request's and kept for it.
 */
final class WatchedEndPoint extends SocketChannelEndPoint {
  /** How every answer begins. */
  private static final byte[] BEGINNING = "HTTP/1.1 ".getBytes(StandardCharsets.US_ASCII);

  private static final long PROBE_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

  private enum State {
    IDLE,
    ARRIVING,
    ARRIVED
  }

  private final Executor executor;
  private final Scheduler scheduler;
  private final Duration arrival;
  private final Object lock = new Object();
  private final ByteBuffer ahead = BufferUtil.allocate(1);

  private State state = State.IDLE;
  private Scheduler.@Nullable Task deadline;
  private boolean late;

  /** Bytes of an answer that were sent to see whether anyone takes them. */
  private int probed;

  private long lastProbe;
  private boolean answered;

  private WatchedEndPoint(
      SocketChannel channel,
      ManagedSelector selector,
      SelectionKey key,
      Scheduler scheduler,
      Executor executor,
      Duration arrival) {
    super(channel, selector, key, scheduler);
    this.executor = executor;
    this.scheduler = scheduler;
    this.arrival = arrival;
  }

  /**
   * A connector of such connections.
   *
   * @param arrival from a request's first byte to its last
   */
  static ServerConnector connector(Server server, HttpConnectionFactory http, Duration arrival) {
    return new ServerConnector(server, 1, 1, http) {
      @Override
      protected SocketChannelEndPoint newEndPoint(
          SocketChannel channel, ManagedSelector selector, SelectionKey key) {
        WatchedEndPoint made =
            new WatchedEndPoint(channel, selector, key, getScheduler(), getExecutor(), arrival);
        made.setIdleTimeout(getIdleTimeout());
        return made;
      }
    };
  }

  /** All of a request is there, and its answer begins. */
  void arrived() {
    synchronized (lock) {
      become(State.ARRIVED);
      probed = 0;
      answered = false;
    }
  }

  /** A request is answered; the next may come. */
  void answered() {
    synchronized (lock) {
      become(State.IDLE);
    }
  }

  private void become(State next) {
    if (deadline != null) {
      deadline.cancel();
      deadline = null;
    }
    state = next;
    if (next == State.ARRIVING) {
      deadline = scheduler.schedule(this::tooLate, arrival.toMillis(), TimeUnit.MILLISECONDS);
    }
  }

  private void tooLate() {
    synchronized (lock) {
      if (state != State.ARRIVING) {
        return;
      }
      late = true;
    }
    // As after silence: who reads hears it. Who is about to read finds it.
    onIdleExpired(new TimeoutException("the request did not arrive in time"));
  }

  @Override
  public void onClose(@Nullable Throwable cause) {
    answered();
    super.onClose(cause);
  }

  /**
   * Whether the client has closed the connection. One that has closed its sending side alone looks
   * the same at first, so the answer's first bytes are sent one by one: of a client that is gone
   * they come back. Does not block.
   */
  boolean peerHasGone() {
    synchronized (lock) {
      try {
        return !ahead.hasRemaining() && read(ahead) < 0 && !takesAByte();
      } catch (IOException e) {
        return true;
      }
    }
  }

  /** Not by {@link #fill}, which would take a connection that was reset for one that has ended. */
  private int read(ByteBuffer buffer) throws IOException {
    int position = BufferUtil.flipToFill(buffer);
    try {
      return getChannel().read(buffer);
    } finally {
      BufferUtil.flipToFlush(buffer, position);
    }
  }

  private boolean takesAByte() throws IOException {
    long now = System.nanoTime();
    boolean soon = probed > 0 && now - lastProbe < PROBE_NANOS;
    if (!answered && probed < BEGINNING.length && !soon) {
      probed += getChannel().write(ByteBuffer.wrap(BEGINNING, probed, 1));
      lastProbe = now;
    }
    return true;
  }

  @Override
  public boolean flush(ByteBuffer... buffers) throws IOException {
    synchronized (lock) {
      answered = true;
      for (ByteBuffer b : buffers) {
        int sent = Math.min(probed, b.remaining());
        b.position(b.position() + sent);
        probed -= sent;
      }
    }
    return super.flush(buffers);
  }

  @Override
  public int fill(ByteBuffer buffer) throws IOException {
    synchronized (lock) {
      if (late) {
        close();
        return -1;
      }
      int n = ahead.hasRemaining() ? BufferUtil.append(buffer, ahead) : super.fill(buffer);
      if (n > 0 && state == State.IDLE) {
        become(State.ARRIVING);
      }
      return n;
    }
  }

  @Override
  protected void needsFillInterest() {
    boolean there;
    synchronized (lock) {
      there = ahead.hasRemaining() || late;
    }
    if (there) {
      executor.execute(() -> getFillInterest().fillable());
    } else {
      super.needsFillInterest();
    }
  }
}
