#!/bin/sh
# docs/memory.sh CHECKPOINT_DIR [BACKEND...]: the table of docs/memory.md again: planned memory against /usr/bin/time's
# maximum resident size of whole runs of SmolLM2-135M-Instruct: shuffled rows of many lengths, checkpoints on the way,
# adapter or model saved every epoch. Fails where one is off by more than 15 %.
set -eu
[ $# -ge 1 ] || { echo "usage: docs/memory.sh CHECKPOINT_DIR [BACKEND...]" >&2; exit 2; }
root=$(CDPATH= cd -P "$(dirname "$0")/.." && pwd)
checkpoint=$1
shift
[ $# -gt 0 ] || set -- javacpp djl
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
off=0

# rows COUNT FEWEST MOST: Alpaca rows of so many words, the same each time.
rows() {
  awk -v n="$1" -v low="$2" -v high="$3" 'BEGIN {
    split("time year people way day man thing woman life child world school state family student group", w, " ")
    x = 1
    for (i = 0; i < n; i++) {
      x = (x * 16807) % 2147483647; words = low + x % (high - low + 1); text = ""
      for (j = 0; j < words; j++) { x = (x * 16807) % 2147483647; text = text " " w[1 + x % 16] }
      print "{\"instruction\": \"Go on.\", \"input\": \"\", \"output\": \"" substr(text, 2) "\"}"
    }
  }'
}
rows 64 60 180 >"$work/short.jsonl"
rows 64 300 600 >"$work/long.jsonl"

# measure NAME ROWS STEPS OVERRIDE...: a line of the table.
measure() {
  name=$1 data=$2 steps=$3
  shift 3
  rm -rf "$work/out"
  /usr/bin/time -f '%M' -o "$work/time" "$root/tune" run "${kind}_finetune_single_device" \
    --config "smollm2/135M_${kind}_single_device" checkpointer.checkpoint_dir="$checkpoint" dataset.data_files="$work/$data.jsonl" output_dir="$work/out" \
    backend="$backend" epochs=4 max_steps_per_epoch=$((steps / 4)) save_every_n_steps=10 keep_last_n=1 \
    "$@" >"$work/log" 2>&1 || { tail -n 3 "$work/log" >&2; exit 1; }
  planned=$(sed -n 's/^ *\([0-9]*\)  in all.*/\1/p' "$work/log")
  measured=$(($(tail -n 1 "$work/time") / 1024))
  difference=$(awk "BEGIN { printf \"%+.1f\", 100 * ($planned / $measured - 1) }")
  echo "| $backend | $name, $steps steps | $planned | $measured | $difference % |"
  if awk "BEGIN { exit !($difference > 15 || $difference < -15) }"; then off=$((off + 1)); fi
}

all="lora_attn_modules=['q_proj','k_proj','v_proj','output_proj']"
only=save_adapter_weights_only=true
echo "| backend | run | planned MiB | measured MiB | difference |"
echo "|---|---|---|---|---|"
for backend; do
  kind=lora
  measure "LoRA rank 16 on q and v, bf16, 4 rows of 60 to 180 words" short 32 lora_rank=16 $only
  measure "LoRA rank 8 on q and v, bf16, 2 rows of 300 to 600 words" long 20 lora_rank=8 batch_size=2 $only
  measure "LoRA rank 64 on all linears, fp32, 2 rows of 60 to 180 words" short 20 lora_rank=64 batch_size=2 \
    dtype=fp32 $only "$all" apply_lora_to_mlp=true
  measure "LoRA rank 16 on q and v, bf16, 4 rows of 60 to 180 words, layers checkpointed" short 32 lora_rank=16 \
    enable_activation_checkpointing=true $only
  kind=full
  measure "full fine-tuning, bf16, 2 rows of 60 to 180 words" short 20 batch_size=2
  measure "full fine-tuning, bf16, 2 rows of 60 to 180 words, layers checkpointed, optimiser in backward" short 20 \
    batch_size=2 enable_activation_checkpointing=true optimizer_in_bwd=true
done
if [ "$off" -gt 0 ]; then
  echo "$off of these are off by more than 15 %" >&2
  exit 1
fi
