package org.tune4j.serve;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.mockito.ArgumentMatchers.any;
import static org.mockito.Mockito.doAnswer;
import static org.mockito.Mockito.mock;
import static org.mockito.Mockito.never;
import static org.mockito.Mockito.verify;

import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.LocalConnector;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.thread.ScheduledExecutorScheduler;
import org.eclipse.jetty.util.thread.Scheduler;
import org.junit.jupiter.api.Test;

/** The endpoints, over a worker of the test's own. */
class HttpApiTest {
  /** As on another thread that is faster than the one that asks. */
  @Test
  void answer_thereBeforeAcceptReturns_isSentAndNotGivenUpLater() {
    Worker worker = mock(Worker.class);
    doAnswer(
            call -> {
              call.<Job>getArgument(0).reply().fail(Job.tooLate());
              return null;
            })
        .when(worker)
        .accept(any());
    List<Throwable> failures = new CopyOnWriteArrayList<>();
    Timers timers = new Timers();
    try (Readers readers = new Readers()) {
      TinyServer.withModel(
          model -> {
            ServedModels models = new ServedModels(model, "tiny", Map.of());
            HttpApi api =
                new HttpApi(models, TinyServer.LIMITS, worker, readers, null, "127.0.0.1");
            CountDownLatch handled = new CountDownLatch(1);
            String answer = ask(noting(failures, handled, api), handled, timers);
            assertTrue(answer.startsWith("HTTP/1.1 503 "), answer);
            return null;
          });
    }
    verify(worker, never()).giveUp(any());
    assertEquals(1, timers.started.get());
    assertEquals(1, timers.cancelled.get());
    assertEquals(List.of(), failures);
  }

  /** Those of requests are counted. */
  private static final class Timers extends ScheduledExecutorScheduler {
    private final AtomicInteger started = new AtomicInteger();
    private final AtomicInteger cancelled = new AtomicInteger();

    @Override
    public Task schedule(Runnable work, long delay, TimeUnit units) {
      Task task = super.schedule(work, delay, units);
      if (units.toMillis(delay) != TinyServer.LIMITS.time().toMillis()) {
        return task;
      }
      started.incrementAndGet();
      return () -> {
        cancelled.incrementAndGet();
        return task.cancel();
      };
    }
  }

  /** Hears what goes wrong once the body is there. */
  private static Handler noting(List<Throwable> failures, CountDownLatch handled, HttpApi api) {
    return new Handler.Wrapper(api) {
      @Override
      public boolean handle(Request request, Response response, Callback callback)
          throws Exception {
        Request noted =
            new Request.Wrapper(request) {
              @Override
              public void demand(Runnable more) {
                super.demand(
                    () -> {
                      try {
                        more.run();
                      } catch (RuntimeException e) {
                        failures.add(e);
                        throw e;
                      }
                    });
              }
            };
        try {
          return super.handle(noted, response, callback);
        } finally {
          handled.countDown();
        }
      }
    };
  }

  /** What is answered to a body that comes late. */
  private static String ask(Handler handler, CountDownLatch handled, Scheduler timers) {
    Server server = new Server(null, timers, null);
    LocalConnector connector = new LocalConnector(server);
    server.addConnector(connector);
    server.setHandler(handler);
    try {
      server.start();
      try (LocalConnector.LocalEndPoint client = connector.connect()) {
        String request = TinyServer.rawPost("{\"model\": \"tiny\", \"prompt\": \"ab\"}");
        int body = request.indexOf('{');
        client.addInput(request.substring(0, body));
        assertTrue(handled.await(5, TimeUnit.MINUTES));
        client.addInput(request.substring(body));
        return client.getResponse(false, 5, TimeUnit.MINUTES);
      } finally {
        server.stop();
      }
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }
}
