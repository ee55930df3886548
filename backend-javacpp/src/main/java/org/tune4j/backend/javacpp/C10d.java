package org.tune4j.backend.javacpp;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Supplier;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.javacpp.SizeTPointer;
import org.bytedeco.javacpp.chrono.Milliseconds;
import org.bytedeco.pytorch.BroadcastOptions;
import org.bytedeco.pytorch.IntOptional;
import org.bytedeco.pytorch.PrefixStore;
import org.bytedeco.pytorch.ProcessGroupGloo;
import org.bytedeco.pytorch.Store;
import org.bytedeco.pytorch.TCPStore;
import org.bytedeco.pytorch.TCPStoreOptions;
import org.bytedeco.pytorch.TensorVector;
import org.tune4j.CollectiveException;
import org.tune4j.TuneException;
import org.tune4j.collective.Collectives;
import org.tune4j.collective.Rendezvous;
import org.tune4j.collective.ShardRange;
import org.tune4j.collective.Work;
import org.tune4j.platform.ListeningSocket;
import org.tune4j.spi.Backend;
import org.tune4j.spi.TensorHandle;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Device;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;

/**
 * PyTorch's own collectives between processes: TCPStore to meet, Gloo to exchange, NCCL between
 * CUDA devices. Both add in the order of a ring, which the number of ranks and how they are linked
 * decide. What ends on CUDA has ended for what the device computes next; reading a value waits.
 */
final class C10d implements Collectives {
  private final Engine engine;
  private final Rendezvous where;
  private final Store tcp;
  private final Store store;
  private final org.bytedeco.pytorch.Backend group;
  private final boolean cuda;
  private boolean closed;

  C10d(Engine engine, Rendezvous where) {
    this.engine = engine;
    this.where = where;
    this.cuda = engine.device().type() == Device.Type.CUDA;
    try (PointerScope s = new PointerScope()) {
      try {
        tcp = kept(connect(where));
        store = kept(new PrefixStore("tune4j/" + System.getenv("TORCHELASTIC_RESTART_COUNT"), tcp));
        new RollCall(store, where, token()).take();
        group = kept(cuda ? Nccl.group(store, where, engine.device()) : gloo());
        // A rank that had nothing to do could leave while others still connect to it.
        group.barrier()._wait();
      } catch (TuneException e) {
        throw e;
      } catch (RuntimeException e) {
        throw notMet(where, firstLine(e), e);
      }
    }
  }

  private static CollectiveException notMet(Rendezvous where, String why, RuntimeException e) {
    boolean taken = why.contains("EADDRINUSE") || why.contains("already in use");
    return new CollectiveException(
        taken
            ? "rank %d cannot listen: port %d of %s is taken; choose another with --master_port or --rdzv_endpoint"
                .formatted(where.rank(), where.masterPort(), where.masterAddr())
            : "rank %d of %d does not meet the others at %s:%d within %d s: %s; check MASTER_ADDR, MASTER_PORT and WORLD_SIZE on every rank"
                .formatted(
                    where.rank(),
                    where.worldSize(),
                    where.masterAddr(),
                    where.masterPort(),
                    where.timeout().toSeconds(),
                    why),
        e);
  }

  /** Its agent's, which all machines of the run share. */
  private static Optional<String> token() {
    return Optional.ofNullable(System.getenv("TUNE_RDZV_TOKEN")).filter(t -> !t.isEmpty());
  }

  /** This rank's end of the store, and the store itself where that is rank 0's to keep. */
  static Store connect(Rendezvous where) {
    TCPStoreOptions options = new TCPStoreOptions();
    options.port((short) where.masterPort());
    boolean listens = where.rank() == 0 && !where.agentListens();
    options.isServer(listens);
    if (listens) {
      listenWhereNamed(where)
          .ifPresent(descriptor -> options.masterListenFd(new IntOptional(descriptor)));
    }
    options.numWorkers(new SizeTPointer(1).put(where.worldSize()));
    options.timeout(millis(where.timeout()));
    options.waitWorkers(false); // the roll call waits, and knows who is missing
    return new TCPStore(where.masterAddr(), options);
  }

  /** A socket on the address that was named; empty where TCPStore has to listen on all. */
  private static OptionalInt listenWhereNamed(Rendezvous where) {
    String host = where.masterAddr();
    try {
      InetAddress address = InetAddress.getByName(host);
      boolean literal = host.equals("localhost") || host.matches("[0-9.]+|.*:.*");
      boolean allHere =
          Integer.toString(where.worldSize()).equals(System.getenv("LOCAL_WORLD_SIZE"));
      // Many machines know themselves by name as a loopback that others know as something else.
      return address.isLoopbackAddress() && !literal && !allHere
          ? OptionalInt.empty()
          : ListeningSocket.open(address, where.masterPort());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private ProcessGroupGloo gloo() {
    ProcessGroupGloo.Options options = ProcessGroupGloo.Options.create();
    options.timeout(millis(where.timeout()));
    options.devices().put(ProcessGroupGloo.createDeviceForHostname(ownAddress(where)));
    return new ProcessGroupGloo(store, where.rank(), where.worldSize(), options);
  }

  /** What the others reach this rank by: the loopback where all ranks are here. */
  private static String ownAddress(Rendezvous where) {
    String host = System.getenv("GLOO_SOCKET_IFNAME");
    if (host != null) {
      return host;
    }
    try {
      InetAddress master = InetAddress.getByName(where.masterAddr());
      if (master.isLoopbackAddress()) {
        return master.getHostAddress();
      }
      try (java.net.DatagramSocket probe = new java.net.DatagramSocket()) {
        probe.connect(master, where.masterPort()); // sends nothing; finds the route
        return probe.getLocalAddress().getHostAddress();
      }
    } catch (IOException e) {
      throw new CollectiveException(
          "MASTER_ADDR %s is not known here: %s".formatted(where.masterAddr(), e.getMessage()), e);
    }
  }

  private static <P extends org.bytedeco.javacpp.Pointer> P kept(P pointer) {
    pointer.retainReference();
    return pointer;
  }

  static Milliseconds millis(Duration d) {
    return new Milliseconds(d.toMillis());
  }

  static String firstLine(Throwable e) {
    return String.valueOf(e.getMessage()).lines().findFirst().orElse("");
  }

  @Override
  public String name() {
    return cuda ? "c10d, nccl" : "c10d, gloo";
  }

  @Override
  public int rank() {
    return where.rank();
  }

  @Override
  public int worldSize() {
    return where.worldSize();
  }

  @Override
  public Work allReduce(Tensor tensor) {
    return tensor.shape().elements() == 0
        ? Work.DONE
        : inPlace("allReduce", tensor, v -> group.allreduce(v));
  }

  @Override
  public Work broadcast(Tensor tensor, int from) {
    return tensor.shape().elements() == 0
        ? Work.DONE
        : inPlace(
            "broadcast",
            tensor,
            v -> {
              BroadcastOptions options = new BroadcastOptions();
              options.rootRank(from);
              return group.broadcast(v, options);
            });
  }

  @Override
  public Work send(Tensor tensor, int to) {
    return tensor.shape().elements() == 0
        ? Work.DONE
        : inPlace("send", tensor, v -> group.send(v, to, 0));
  }

  @Override
  public Work receive(Tensor tensor, int from) {
    return tensor.shape().elements() == 0
        ? Work.DONE
        : inPlace("receive", tensor, v -> group.recv(v, from, 0));
  }

  @Override
  public Work barrier() {
    return start("barrier", () -> group.barrier(), () -> {});
  }

  /** A broadcast a stretch, each into its place: Gloo's own gather goes by a copy of the whole. */
  @Override
  public Work allGather(Tensor part, Tensor whole) {
    List<Work> all = new ArrayList<>();
    try (TensorScope scope = engine.openScope();
        Engine.NoGradient off = engine.noGradient()) {
      for (int rank = 0; rank < worldSize(); rank++) {
        ShardRange own = ShardRange.of(whole.size(0), rank, worldSize());
        Tensor place = whole.narrow(0, own.start(), own.length());
        if (rank == rank()) {
          place.copyFrom(part);
        }
        all.add(broadcast(place, rank));
      }
    }
    return () -> all.forEach(Work::await);
  }

  @Override
  public Work reduceScatter(Tensor whole, Tensor part) {
    long n = whole.size(0);
    if (n == 0) {
      return Work.DONE;
    }
    // Gloo's own reduce-scatter is an all-reduce too.
    Room all = new Room(whole.dtype(), n);
    all.write(whole);
    return start(
        "reduceScatter",
        () -> group.allreduce(new TensorVector(Handle.of(all.elements))),
        () -> {
          all.read(ShardRange.of(n, rank(), worldSize()).start(), part);
          all.release();
        });
  }

  /** Room of its own for a call under way, whatever scopes are closed meanwhile. */
  private final class Room {
    private final Backend backend = engine.backend();
    private final TensorHandle elements;

    Room(DType dtype, long length) {
      elements = backend.zeros(dtype, Shape.of(length), engine.device());
    }

    void write(Tensor from) {
      copy(0, from, true);
    }

    void read(long start, Tensor into) {
      copy(start, into, false);
    }

    private void copy(long start, Tensor outside, boolean in) {
      TensorHandle stretch = backend.narrow(elements, 0, start, outside.size(0));
      backend.copyInto(in ? stretch : outside.handle(), in ? outside.handle() : stretch);
      backend.release(stretch);
    }

    void release() {
      backend.release(elements);
    }
  }

  /** A call on a vector of one tensor. */
  private interface Call {
    org.bytedeco.pytorch.Work on(TensorVector tensors);
  }

  private Work inPlace(String what, Tensor tensor, Call call) {
    return start(what, () -> call.on(new TensorVector(Handle.of(tensor.handle()))), () -> {});
  }

  private Work start(String what, Supplier<org.bytedeco.pytorch.Work> call, Runnable after) {
    org.bytedeco.pytorch.Work work;
    try (PointerScope s = new PointerScope()) {
      work = kept(call.get());
    } catch (RuntimeException e) {
      throw failed(what, e);
    }
    return new Work() {
      private boolean done;

      @Override
      public void await() {
        if (done) {
          return;
        }
        done = true;
        try {
          work._wait();
        } catch (RuntimeException e) {
          throw failed(what, e);
        } finally {
          work.deallocate();
        }
        after.run();
      }
    };
  }

  private CollectiveException failed(String what, RuntimeException e) {
    return new CollectiveException(
        "rank %d: %s: another rank is gone, or later than %d s: %s"
            .formatted(rank(), what, where.timeout().toSeconds(), firstLine(e)),
        e);
  }

  @Override
  public void close() {
    if (!closed) {
      closed = true;
      if (cuda) {
        group.shutdown(); // ends what is under way first
      }
      group.deallocate();
      store.deallocate();
      tcp.deallocate();
    }
  }
}
