#!/bin/sh
# docs/memory.sh CHECKPOINT_DIR [BACKEND...]: the table of docs/memory.md again: planned memory against
# /usr/bin/time's maximum resident size, of dry runs of SmolLM2-135M-Instruct. About five minutes on two cores.
set -eu
[ $# -ge 1 ] || { echo "usage: docs/memory.sh CHECKPOINT_DIR [BACKEND...]" >&2; exit 2; }
root=$(CDPATH= cd -P "$(dirname "$0")/.." && pwd)
checkpoint=$1
shift
[ $# -gt 0 ] || set -- javacpp djl
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

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
rows 16 1000 1000 >"$work/long.jsonl"

# measure NAME ROWS RECIPE CONFIG OVERRIDE...
measure() {
  name=$1 data=$2 recipe=$3 config=$4
  shift 4
  /usr/bin/time -f '%M' -o "$work/time" "$root/tune" run "$recipe" --config "$config" --dry-run \
    checkpointer.checkpoint_dir="$checkpoint" dataset.data_files="$work/$data.jsonl" output_dir="$work/out" \
    backend="$backend" "$@" >"$work/log" 2>&1 || { tail -n 3 "$work/log" >&2; exit 1; }
  planned=$(sed -n 's/.*planned \([0-9]*\);.*/\1/p' "$work/log")
  measured=$(($(tail -n 1 "$work/time") / 1024))
  echo "| $backend | $name | $planned | $measured | $(awk "BEGIN { printf \"%+.1f %%\", 100 * ($planned / $measured - 1) }") |"
}

lora="lora_finetune_single_device smollm2/135M_lora_single_device lora_rank=16"
full="full_finetune_single_device smollm2/135M_full_single_device"
echo "| backend | run | planned MiB | measured MiB | difference |"
echo "|---|---|---|---|---|"
for backend; do
  # shellcheck disable=SC2086
  {
    measure "LoRA, bf16, 4 short rows" short $lora
    measure "LoRA, bf16, 8 short rows" short $lora batch_size=8
    measure "LoRA, fp32, 4 short rows" short $lora dtype=fp32
    measure "LoRA, fp32, 2 long rows" long $lora dtype=fp32 batch_size=2
    measure "LoRA, bf16, 4 long rows, checkpointed layers" long $lora enable_activation_checkpointing=true
    measure "full, bf16, 4 short rows" short $full
    measure "full, fp32, 4 short rows, optimizer_in_bwd" short $full dtype=fp32 \
      enable_activation_checkpointing=true optimizer_in_bwd=true
  }
done
