package org.tune4j.parity;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.tune4j.InputException;
import org.tune4j.UsageException;
import org.tune4j.adapters.Adapters;
import org.tune4j.adapters.SavedAdapter;
import org.tune4j.checkpoint.Labels;
import org.tune4j.checkpoint.SafetensorsWriter;
import org.tune4j.checkpoint.StoredTensor;
import org.tune4j.checkpointing.HuggingFaceCheckpointer;
import org.tune4j.checkpointing.TensorWriter;
import org.tune4j.collective.ProcessGroup;
import org.tune4j.data.DataRow;
import org.tune4j.data.DataRows;
import org.tune4j.data.Example;
import org.tune4j.data.TokenizedDataset;
import org.tune4j.generation.GenerationListener;
import org.tune4j.generation.Generator;
import org.tune4j.generation.SamplingOptions;
import org.tune4j.models.Decoder;
import org.tune4j.models.DecoderConfig;
import org.tune4j.models.ModelRegistry;
import org.tune4j.models.ModelSpec;
import org.tune4j.models.PackedRows;
import org.tune4j.nn.Loss;
import org.tune4j.nn.Parameter;
import org.tune4j.nn.Pass;
import org.tune4j.tensor.DType;
import org.tune4j.tensor.Engine;
import org.tune4j.tensor.Precision;
import org.tune4j.tensor.Shape;
import org.tune4j.tensor.Tensor;
import org.tune4j.tensor.TensorScope;
import org.tune4j.tokenizers.Tokenizer;
import org.tune4j.tokenizers.TokenizerSpec;
import org.tune4j.training.ComputeDType;
import org.tune4j.training.Gradients;

/**
 * What a model computes for rows of token ids, in a safetensors file: {@code logits.I} of row I,
 * {@code [tokens, vocab]} in fp32, and what is asked for besides. Loss and gradients are those of
 * training, tokens those of generation, but for dropout and prepacked weights.
 *
 * @param gradients whether to write {@code loss}, {@code [1]} in fp32, the mean cross-entropy of
 *     all labels, and {@code gradient.NAME} of each tensor of the adapter, by PEFT's name
 * @param greedy how many of the likeliest tokens to write as {@code greedy.I}, int64; 0 for none
 * @param greedyPrompt how many of a row's tokens these follow; 0 for none
 */
public record Parity(boolean gradients, int greedy, int greedyPrompt) {
  /** Labels whose logits exist at once, as in training. */
  private static final int CHUNK = 128;

  /**
   * Computes and writes the file, logits one row at a time. An earlier file of that name is
   * replaced.
   *
   * @param engine that computes
   * @param registry knows the model's family and the adapter's type
   * @param model a Hugging Face folder, with a tokenizer or without
   * @param adapter a PEFT adapter's folder; null for the model itself, which gives no gradients
   * @param dtype of the weights
   * @param ids rows as {@link TokenizedDataset} reads them
   * @param output the file
   * @throws InputException when a file is missing, broken or of an unsupported kind, or a row does
   *     not fit the model; names file and line
   * @throws UsageException when more tokens are asked for than the model takes
   * @throws org.tune4j.EnvironmentException when the output cannot be written
   */
  public void write(
      Engine engine,
      ModelRegistry registry,
      Path model,
      @Nullable Path adapter,
      DType dtype,
      Path ids,
      Path output) {
    SavedAdapter saved = adapter == null ? null : registry.open(adapter);
    HuggingFaceCheckpointer files =
        new HuggingFaceCheckpointer(model, null, model)
            .withVocabulary(saved == null ? 0 : saved.tokens())
            .withLabels(saved == null ? List.of() : saved.labels(), 0);
    Labels.requireNone(Labels.of(files.config().json()));
    ModelSpec spec = new ModelSpec("auto_model", registry, null, null);
    Precision precision = ComputeDType.ofThisMachine().precision(dtype, engine);
    List<Example> rows = rows(ids, files.unloaded(spec, files.folder(), precision).config());
    try (TensorScope scope = engine.openScope()) {
      Decoder base = files.load(spec, ProcessGroup.alone(engine), precision, true, 0);
      base.parameters().values().forEach(p -> p.setTrainable(false));
      Decoder decoder =
          saved == null ? base : HuggingFaceCheckpointer.withAdapter(engine, base, saved);
      TensorWriter writer = new TensorWriter();
      List<StoredTensor> tensors = new ArrayList<>();
      for (int i = 0; i < rows.size(); i++) {
        int[] row = rows.get(i).tokens();
        tensors.add(
            writer.stored(
                "logits." + i,
                DType.FP32,
                Shape.of(row.length, decoder.config().vocabSize()),
                engine,
                () -> logits(decoder, engine, row)));
      }
      tensors.addAll(writer.stored(values(decoder, engine, rows)).values());
      SafetensorsWriter.write(output, tensors);
    }
  }

  private List<Example> rows(Path ids, DecoderConfig sizes) {
    int most = sizes.maxSeqLen();
    if ((long) greedyPrompt + greedy > most) {
      throw new UsageException(
          "%d tokens after the first %d are more than the %d that the model takes"
              .formatted(greedy, greedyPrompt, most));
    }
    List<Example> rows = new ArrayList<>();
    for (DataRow row : DataRows.read(ids, 0)) {
      Example example = TokenizedDataset.example(row);
      int[] tokens = example.tokens();
      if (tokens.length > most || tokens.length < greedyPrompt) {
        throw row.wrong(
            row.place(),
            "input_ids has %d ids, expected %s"
                .formatted(
                    tokens.length,
                    tokens.length > most
                        ? "at most %d, which the model takes".formatted(most)
                        : "%d or more, which the greedy tokens follow".formatted(greedyPrompt)));
      }
      for (int i = 0; i < tokens.length; i++) {
        if (tokens[i] >= sizes.vocabSize()) {
          throw row.wrong(
              row.place(),
              "input_ids[%d] is %d, the model's vocabulary has %d"
                  .formatted(i, tokens[i], sizes.vocabSize()));
        }
      }
      rows.add(example);
    }
    if (rows.isEmpty()) {
      throw new InputException("data file %s holds no rows; expected at least one".formatted(ids));
    }
    if (gradients && rows.stream().allMatch(r -> r.labelCount() == 0)) {
      throw new InputException(
          "data file %s: no row has a label; expected one with two ids or more".formatted(ids));
    }
    return rows;
  }

  private static Tensor logits(Decoder decoder, Engine engine, int[] row) {
    try (TensorScope scope = engine.openScope();
        Engine.NoGradient off = engine.noGradient()) {
      Tensor logits = decoder.logits(Pass.evaluation(engine, scope), PackedRows.of(row));
      return scope.moveOut(logits.dtype() == DType.FP32 ? logits : logits.cast(DType.FP32));
    }
  }

  /** All but the logits. */
  private Map<String, Tensor> values(Decoder decoder, Engine engine, List<Example> rows) {
    Map<String, Tensor> all = new LinkedHashMap<>();
    if (gradients) {
      gradients(decoder, engine, rows, all);
    }
    if (greedy > 0) {
      try (Tokenizer none = TokenizerSpec.none(null).open(Path.of(""))) {
        Generator generator = new Generator(engine, decoder, none);
        for (int i = 0; i < rows.size(); i++) {
          int[] prompt = Arrays.copyOf(rows.get(i).tokens(), greedyPrompt);
          all.put("greedy." + i, engine.indices(greedy(generator, prompt)));
        }
      }
    }
    return all;
  }

  private int[] greedy(Generator generator, int[] prompt) {
    List<Integer> chosen = new ArrayList<>();
    generator.generate(
        prompt,
        SamplingOptions.greedy(greedy),
        new GenerationListener() {
          @Override
          public void onText(int index, String text) {}

          @Override
          public void onToken(int index, int id) {
            chosen.add(id);
          }
        });
    return chosen.stream().mapToInt(Integer::intValue).toArray();
  }

  private static void gradients(
      Decoder decoder, Engine engine, List<Example> rows, Map<String, Tensor> into) {
    Map<String, Parameter> trained = new LinkedHashMap<>(Adapters.parameters(decoder));
    trained.values().removeIf(p -> !p.trainable());
    Gradients sums = new Gradients(engine, List.copyOf(trained.values()));
    Loss objective = Loss.crossEntropy(CHUNK);
    double loss = 0;
    long labels = 0;
    for (Example row : rows) {
      try (TensorScope scope = engine.openScope()) {
        // An adapter's dropout is no part of what is compared.
        Pass pass = Pass.evaluation(engine, scope);
        loss +=
            decoder
                .lossAndBackward(pass, PackedRows.of(row.tokens()), row.labels(), objective)
                .loss();
        sums.add(pass.gradients());
      }
      labels += row.labelCount();
    }
    into.put("loss", engine.tensor(new float[] {(float) (loss / labels)}, DType.FP32, Shape.of(1)));
    List<Tensor> mean = sums.mean(labels, Double.POSITIVE_INFINITY).gradients();
    List<String> names = List.copyOf(trained.keySet());
    Map<String, String> saved = Adapters.savedNames(decoder);
    for (int i = 0; i < names.size(); i++) {
      into.put("gradient." + saved.get(names.get(i)), mean.get(i));
    }
  }
}
