package org.tune4j.serve;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.mockito.ArgumentMatchers.any;
import static org.mockito.ArgumentMatchers.anyList;
import static org.mockito.ArgumentMatchers.anyString;
import static org.mockito.Mockito.doAnswer;
import static org.mockito.Mockito.mock;
import static org.mockito.Mockito.verify;
import static org.mockito.Mockito.when;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.mockito.ArgumentCaptor;
import org.tune4j.generation.Generator;
import org.tune4j.generation.SamplingOptions;

/** What a client is told of a model that fails. */
class WorkerTest {
  private static final GenerationRequest REQUEST =
      new GenerationRequest(
          GenerationRequest.Endpoint.COMPLETIONS,
          "tiny",
          List.of(new int[] {1}),
          List.of("a"),
          1,
          SamplingOptions.greedy(1),
          false,
          false,
          -1,
          false,
          false);

  /** The answer where generating throws this. */
  private static ApiError told(Throwable thrown) {
    Generator generator = mock(Generator.class);
    when(generator.generate(anyList(), any(), any())).thenThrow(thrown);
    ServedModels models = mock(ServedModels.class);
    when(models.generator(anyString())).thenReturn(generator);
    Reply reply = mock(Reply.class);
    boolean[] stop = {false};
    Worker worker = new Worker(models, TinyServer.LIMITS, () -> stop[0]);
    worker.accept(new Job(REQUEST, reply, System.nanoTime() + Long.MAX_VALUE / 2));
    ArgumentCaptor<ApiError> error = ArgumentCaptor.forClass(ApiError.class);
    doAnswer(
            call -> {
              stop[0] = true;
              return null;
            })
        .when(reply)
        .fail(any());
    worker.run();
    verify(reply).fail(error.capture());
    return error.getValue();
  }

  @Test
  void outOfMemory_isSaid_notAnInternalError() {
    for (Throwable thrown :
        List.of(
            new RuntimeException(
                "[enforce fail at alloc_cpu.cpp:127] . DefaultCPUAllocator: can't allocate memory: you tried to allocate 1048576 bytes."),
            new OutOfMemoryError("Java heap space"))) {
      ApiError error = told(thrown);
      assertEquals(500, error.status());
      assertEquals("out_of_memory", error.json().at("/error/code").asText());
      assertTrue(
          error.getMessage().startsWith("out of memory: ")
              && !error.getMessage().contains("server failed"),
          error.getMessage());
    }
  }

  @Test
  void defect_isAnInternalError() {
    ApiError error = told(new IllegalStateException("a defect"));
    assertEquals("internal_error", error.json().at("/error/code").asText());
    assertEquals(
        "the server failed: java.lang.IllegalStateException: a defect", error.getMessage());
  }
}
