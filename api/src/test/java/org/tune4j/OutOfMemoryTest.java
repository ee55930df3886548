package org.tune4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class OutOfMemoryTest {
  private static final String CHANGE =
      "; lower batch_size or tokenizer.max_seq_len, or set enable_activation_checkpointing=true; `tune plan` says what a run takes";

  private static String line(Throwable thrown) {
    return OutOfMemory.in(thrown).map(Throwable::getMessage).orElse("");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate 1073741824 bytes. Error code 12 (Cannot allocate memory) | a tensor of 1.0 GiB does not fit",
        "CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has a total capacity of 139.80 GiB | a tensor of 20.00 MiB does not fit on the GPU",
        "std::bad_alloc | tensors do not fit",
        "CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)` | tensors do not fit",
      })
  void in_whatBackendsSay_isOneLineWithTheChange(String said, String expected) {
    assertEquals("out of memory: " + expected + CHANGE, line(new RuntimeException(said)));
    assertEquals(
        "out of memory: " + expected + CHANGE,
        line(new IllegalStateException("a layer failed", new RuntimeException(said))));
  }

  @Test
  void in_whatJavaSays_namesItsOption() {
    assertEquals(
        "out of memory: a buffer of 2.0 MiB does not fit; raise the limit of Java's buffers with TUNE_JAVA_OPTS=-XX:MaxDirectMemorySize=4g",
        line(
            new OutOfMemoryError(
                "Cannot reserve 2097152 bytes of direct buffer memory (allocated: 1, limit: 2)")));
    assertEquals(
        "out of memory: a file cannot be mapped (Map failed); free memory, or raise `ulimit -v`",
        line(new IOException("Map failed", new OutOfMemoryError("Map failed"))));
    assertEquals(
        "out of memory: no more threads can be started; free memory, raise `ulimit -u`, or lower threads",
        line(
            new OutOfMemoryError(
                "unable to create native thread: possibly out of memory or process/resource limits reached")));
    assertTrue(
        line(new OutOfMemoryError("Java heap space")).endsWith("with TUNE_JAVA_OPTS=-Xmx4g"));
  }

  @Test
  void in_anotherFailure_isEmpty() {
    assertEquals(Optional.empty(), OutOfMemory.in(new IOException("No space left on device")));
    assertEquals(Optional.empty(), OutOfMemory.in(new NullPointerException()));
  }
}
