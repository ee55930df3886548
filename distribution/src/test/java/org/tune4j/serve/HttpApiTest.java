package org.tune4j.serve;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.mockito.ArgumentMatchers.any;
import static org.mockito.Mockito.after;
import static org.mockito.Mockito.doAnswer;
import static org.mockito.Mockito.mock;
import static org.mockito.Mockito.verify;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.LocalConnector;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.util.Callback;
import org.junit.jupiter.api.Test;

/** The endpoints, over a worker of the test's own. */
class HttpApiTest {
  private static final Duration TIME = Duration.ofMillis(100);

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
    TinyServer.withModel(
        model -> {
          ServedModels models = new ServedModels(model, "tiny", Map.of());
          HttpApi api = new HttpApi(models, limits(), worker, null, true);
          String answer =
              ask(
                  noting(failures, api),
                  () -> verify(worker, after(5 * TIME.toMillis()).never()).giveUp(any()));
          assertTrue(answer.startsWith("HTTP/1.1 503 "), answer);
          return null;
        });
    assertEquals(List.of(), failures);
  }

  private static ServerLimits limits() {
    ServerLimits l = TinyServer.LIMITS;
    return new ServerLimits(
        l.bodyBytes(),
        l.newTokens(),
        l.choices(),
        l.queue(),
        TIME,
        l.grace(),
        l.connections(),
        l.idle());
  }

  /** Hears what goes wrong once the body is there. */
  private static Handler noting(List<Throwable> failures, HttpApi api) {
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
        return super.handle(noted, response, callback);
      }
    };
  }

  /** What is answered to a body that comes late; the server runs until {@code check} is done. */
  private static String ask(Handler handler, Runnable check) {
    Server server = new Server();
    LocalConnector connector = new LocalConnector(server);
    server.addConnector(connector);
    server.setHandler(handler);
    try {
      server.start();
      try (LocalConnector.LocalEndPoint client = connector.connect()) {
        String request = TinyServer.rawPost("{\"model\": \"tiny\", \"prompt\": \"ab\"}");
        int body = request.indexOf('{');
        client.addInput(request.substring(0, body));
        Thread.sleep(500); // until the handler has returned
        client.addInput(request.substring(body));
        String answer = client.getResponse();
        check.run();
        return answer;
      } finally {
        server.stop();
      }
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }
}
