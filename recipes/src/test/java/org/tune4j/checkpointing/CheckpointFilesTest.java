package org.tune4j.checkpointing;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.tune4j.UsageException;
import org.tune4j.checkpoint.SafetensorsFile;
import org.tune4j.collective.ProcessGroup;
import org.tune4j.inference.InferenceModel;
import org.tune4j.models.Decoder;
import org.tune4j.models.ModelRegistry;
import org.tune4j.models.ModelSpec;
import org.tune4j.models.TestBackend;
import org.tune4j.models.auto.AutoModel;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Precision;
import org.tune4j.tensor.TensorScope;
import org.tune4j.tokenizers.TokenizerSpec;

class CheckpointFilesTest {
  private static final Path MODEL =
      Path.of("../models/src/test/resources/golden/tiny/families/llama2");
  private static final String NORM = "model.norm.weight";

  @TempDir Path folder;

  @Test
  void of_listWithoutFolder_takesTheFilesFolder() {
    assertEquals(
        new CheckpointFiles(Path.of("a/b"), List.of(Path.of("1.safetensors"))),
        CheckpointFiles.of(null, List.of("a/b/1.safetensors")));
    assertEquals(
        new CheckpointFiles(Path.of("."), List.of(Path.of("1.safetensors"))),
        CheckpointFiles.of(null, "1.safetensors"));
    assertEquals(
        new CheckpointFiles(Path.of("a"), List.of()), CheckpointFiles.of(Path.of("a"), null));
  }

  @Test
  void of_torchtunesFormat_givesEachName() {
    assertEquals(
        List.of(Path.of("m-001_of_002.safetensors"), Path.of("m-002_of_002.safetensors")),
        CheckpointFiles.of(
                folder, Map.of("filename_format", "m-{}_of_{}.safetensors", "max_filename", "002"))
            .names());
  }

  private static Stream<Arguments> wrong() {
    String format =
        ", expected a list of files, or filename_format with two {} and max_filename from 1 to"
            + " 99999, such as {filename_format: 'model-{}-of-{}.safetensors', max_filename:"
            + " '00003'}";
    return Stream.of(
        Arguments.of(
            List.of(),
            "checkpointer.checkpoint_dir is not set; set it to a Hugging Face model's folder"),
        Arguments.of(
            List.of("a/1.safetensors", "b/2.safetensors"),
            "checkpointer.checkpoint_files lists files of the folders [a, b]; set"
                + " checkpointer.checkpoint_dir to the folder that holds config.json"),
        Arguments.of(
            List.of("model.onnx"),
            "checkpointer.checkpoint_files lists 'model.onnx', which is no file of weights; list"
                + " the model's .safetensors, .bin or .pth files, or set it to null to load those"
                + " of checkpoint_dir"),
        Arguments.of(
            List.of(List.of("a")),
            "checkpointer.checkpoint_files lists [a], expected the path of a file"),
        Arguments.of(
            Map.of("filename_format", "model-{}.safetensors"),
            "checkpointer.checkpoint_files is {filename_format=model-{}.safetensors}" + format));
  }

  @ParameterizedTest
  @MethodSource("wrong")
  void of_wrong_saysTheFix(Object files, String message) {
    assertEquals(
        message,
        assertThrows(UsageException.class, () -> CheckpointFiles.of(null, files)).getMessage());
  }

  @Test
  void of_absurdCount_isRefused() {
    for (String last : List.of("0", "999999", "-1", "x")) {
      Map<String, String> format =
          Map.of("filename_format", "{}-{}.safetensors", "max_filename", last);
      assertThrows(UsageException.class, () -> CheckpointFiles.of(folder, format));
    }
  }

  /** {@code other.safetensors}, whose last norm is another, beside {@code model.safetensors}. */
  private HuggingFaceCheckpointer other() throws IOException {
    Path weights =
        Files.copy(MODEL.resolve("model.safetensors"), folder.resolve("model.safetensors"));
    Files.copy(MODEL.resolve("config.json"), folder.resolve("config.json"));
    SafetensorsFile.Entry norm = SafetensorsFile.open(weights).entry(NORM);
    byte[] bytes = Files.readAllBytes(weights);
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putFloat((int) norm.offset(), 5);
    Files.write(folder.resolve("other.safetensors"), bytes);
    return listed("other.safetensors");
  }

  private HuggingFaceCheckpointer listed(String file) {
    return HuggingFaceCheckpointer.of(
        folder, List.of(file), null, folder.resolve("out"), "", null, true);
  }

  @Test
  void list_isWhatIsLoadedEverywhere() throws IOException {
    HuggingFaceCheckpointer other = other();
    ModelSpec plain = AutoModel.base(ModelRegistry.installed());
    Engine engine = TestBackend.engine();
    try (TensorScope scope = engine.openScope();
        InferenceModel inference =
            InferenceModel.open(
                ModelRegistry.installed(),
                plain,
                other,
                new TokenizerSpec(Path.of("../docs/tiny"), null),
                engine,
                DType.FP32)) {
      for (Decoder decoder :
          List.of(
              other.load(plain, ProcessGroup.alone(engine), Precision.of(DType.FP32), true, 0),
              other.loadTrainable(plain, folder, engine, DType.FP32),
              inference.base())) {
        assertEquals(5, decoder.parameters().get(NORM).tensor().toFloats()[0]);
      }
    }
    String listed = other.fingerprint(plain);
    HuggingFaceCheckpointer own = new HuggingFaceCheckpointer(folder, null, folder);
    assertFalse(listed.equals(own.fingerprint(plain)));
    Files.move(folder.resolve("other.safetensors"), folder.resolve("elsewhere.safetensors"));
    assertEquals(listed, listed("elsewhere.safetensors").fingerprint(plain));
  }

  /** A checkpoint of the run has files of its own. */
  @Test
  void list_ofTheBase_isNotLookedForInACheckpoint() throws IOException {
    HuggingFaceCheckpointer other = other();
    Engine engine = TestBackend.engine();
    try (TensorScope scope = engine.openScope()) {
      float[] saved =
          other
              .loadTrainable(AutoModel.base(ModelRegistry.installed()), MODEL, engine, DType.FP32)
              .parameters()
              .get(NORM)
              .tensor()
              .toFloats();
      float[] own =
          new HuggingFaceCheckpointer(folder, null, folder)
              .load(
                  AutoModel.base(ModelRegistry.installed()),
                  ProcessGroup.alone(engine),
                  Precision.of(DType.FP32),
                  true,
                  0)
              .parameters()
              .get(NORM)
              .tensor()
              .toFloats();
      assertArrayEquals(own, saved);
    }
  }
}
