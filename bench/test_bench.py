"""Tests of the scripts beside this one that need neither peers nor a GPU: python3 -m unittest discover bench"""
import importlib.machinery
import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.dont_write_bytecode = True
import limit
import runs
import speed
import torchtune_configs

loader = importlib.machinery.SourceFileLoader("gpu_check", str(HERE / "gpu-check"))
gpu_check = importlib.util.module_from_spec(importlib.util.spec_from_loader("gpu_check", loader))
loader.exec_module(gpu_check)


class Bench(unittest.TestCase):
    def test_help_everyScript_isPrinted(self):
        for script in sorted(HERE.glob("*.py")) + [HERE / "gpu-check"]:
            if script.name not in ("runs.py", pathlib.Path(__file__).name):
                done = subprocess.run([sys.executable, script, "--help"], capture_output=True, text=True)
                self.assertEqual((done.returncode, done.stderr), (0, ""), script.name)
                self.assertTrue(done.stdout.startswith("usage: " + script.name), script.name)

    def test_flops_tinyLlama_areThoseCountedByHand(self):
        config = json.loads((HERE.parent / "models/src/test/resources/golden/tiny/families/llama2/config.json").read_text())
        # Three layers: q, k, v, o of 64 x 64; gate, up, down of 64 x 176; a head of 64 x 320. Rows of 3 and 5 tokens have 6
        # and 15 pairs of a token and one that it attends to; 4 of the 8 tokens are labels. A pair takes 6 products of 64.
        self.assertEqual(limit.flops(config, [3, 5], 4, rank=8), {
            "linears": 4 * 3 * (4 * 64 * 64 + 3 * 64 * 176),
            "head": 4 * 64 * 320 * 4 / 8,
            "attention": 3 * 21 * 6 * 2 * 64 / 8,
            "adapters": 6 * 3 * 2 * 8 * (64 + 64)})

    def test_flops_fewerHeadsOfKeys_areSmaller(self):
        config = {"hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30, "num_attention_heads": 9, "num_key_value_heads": 3,
                  "vocab_size": 49152}
        found = limit.flops(config, [100], 75)
        # PEFT counts 460800 parameters of these adapters.
        self.assertEqual((found["linears"], found["adapters"]), (4 * 106168320, 6 * 460800))

    def test_table_peersAndTiers_areComparedWithTheFastestPeerOfTheTier(self):
        class A:
            tiers, peers = ["bf16", "fp32"], ["peft", "unsloth"]
        rate = {("peft", "bf16"): 50, ("peft", "fp32"): 80, ("unsloth", "bf16"): 100, ("unsloth", "fp32"): 40}
        rate.update({(b, t): 200 if t == "bf16" else 160 for b in runs.BACKENDS for t in A.tiers})
        size = {key: 1000 if key[0] in runs.PEERS else 500 for key in rate}
        lines = speed.table(A, rate, size).splitlines()[2:]
        self.assertEqual(lines[2], "| peft | 80 (fp32) | 0.80 | 1000 | 1.00 | 80 (fp32) | 1.00 | 1000 | 1.00 |")
        self.assertEqual(lines[3], "| unsloth | 100 (bf16) | 1.00 | 1000 | 1.00 | 40 (fp32) | 0.50 | 1000 | 1.00 |")
        self.assertEqual(lines[4], "| javacpp | 200 | 2.00 | 500 | 0.50 | 160 | 2.00 | 500 | 0.50 |")

    def test_call_failingCommand_saysItsLastLine(self):
        with self.assertRaisesRegex(RuntimeError, "exit code 3: it is gone$"):
            runs.call([sys.executable, "-c", "import sys; print('first', file=sys.stderr); print('it is gone', file=sys.stderr); sys.exit(3)"])

    def test_call_largeProcess_isMeasured(self):
        printed, mib = runs.call([sys.executable, "-c", "x = bytearray(200 << 20); print(len(x))"])
        self.assertEqual(printed, f"{200 << 20}\n")
        self.assertGreaterEqual(mib, 200)


class GpuCheck(unittest.TestCase):
    def test_main_nothingGiven_saysWhatIsMissingAndBuildsNothing(self):
        with tempfile.TemporaryDirectory() as empty:
            done = subprocess.run([sys.executable, HERE / "gpu-check"], env={"PATH": empty, "HOME": empty}, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        for line in ("no NVIDIA driver: nvidia-smi is not on the PATH", "no JDK: ", "no model: --model", "no rows: --data", "no losses: --losses"):
            self.assertIn("\n" + line, "\n" + done.stderr)

    def test_main_filesThatAreNotThere_areNamed(self):
        done = subprocess.run([sys.executable, HERE / "gpu-check", "--device", "cpu", "--model", "/no/model", "--data", "/no/rows", "--losses", "/no/x.json"],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 2)
        for line in ("no model: /no/model has no config.json", "no rows: /no/rows is not there", "no losses: /no/x.json is named neither",
                     "no losses: /no/initial/adapter_model.safetensors is not there"):
            self.assertIn(line, done.stderr)

    def test_smi_twoGpus_areReadFromTheDriver(self):
        with tempfile.TemporaryDirectory() as folder:
            smi = pathlib.Path(folder) / "nvidia-smi"
            smi.write_text("#!/bin/sh\necho 'NVIDIA H200, 580.95, 143771'\necho 'NVIDIA H200, 580.95, 143771'\n")
            smi.chmod(0o755)
            before = os.environ["PATH"]
            os.environ["PATH"] = folder + ":" + before
            try:
                self.assertEqual(runs.smi("name,driver_version,memory.total"), 2 * ["NVIDIA H200, 580.95, 143771"])
            finally:
                os.environ["PATH"] = before

    def test_compare_losses_areHeldAgainstTheBoundOfTheirType(self):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "training_fp32.json"
            file.write_text(json.dumps({"steps": [{"loss": 2.0}, {"loss": 1.5}]}))
            compare = lambda found, steps=None: gpu_check.compare("losses", "djl", found, file, steps)
            self.assertEqual(compare([2.0, 1.50001]).row(), "| losses | djl | worst difference 1.0e-05 in 2 of 2 steps | 1e-04 | holds |")
            self.assertIs(compare([2.0, 1.501]).holds, False)
            self.assertIs(compare([2.0, float("nan")]).holds, False)
            self.assertIs(compare([2.0]).holds, False)
            self.assertIs(compare([2.0], 1).holds, True)

    def test_suite_failures_areNamed(self):
        report = lambda cases: gpu_check.suite("conformance kit", "javacpp", xml.etree.ElementTree.fromstring(f"<testsuite>{cases}</testsuite>"))
        good, bad, skipped = '<testcase name="a"/>', '<testcase name="b"><failure/></testcase>', '<testcase name="c"><skipped/></testcase>'
        self.assertEqual(report(good + bad + skipped)[2:], ("1 passed, 1 failed, 1 skipped; b", "0 failed", False))
        self.assertEqual(report(good + skipped)[2:], ("1 passed, 0 failed, 1 skipped", "0 failed", True))
        self.assertIs(report(skipped).holds, False)

    def test_report_onTheCpu_saysThatNoGpuWasChecked(self):
        class A:
            device = "cpu"
        rows = [gpu_check.Check("a", "djl", "1", "2", True), gpu_check.Check("b", "djl", "1", "", None)]
        text = gpu_check.report(A, [], rows)
        self.assertIn("a dry run, which checks no GPU", text.splitlines()[0])
        self.assertIn("**All 1 checks hold.**", text)
        self.assertIn("**1 of 2 checks FAILED.**", gpu_check.report(A, [], rows + [gpu_check.Check("c", "djl", "it ends", "", False)]))
        self.assertTrue(gpu_check.report(A, ["NVIDIA H200, driver 580.95, 143771 MiB"], rows).startswith("# Tune4J on NVIDIA H200\n"))

    def test_judge_whatValidateSays_isSortedByWhatIsMissing(self):
        self.assertEqual(torchtune_configs.judge(0, "a note\nx.yaml: valid for mine\n", ""), ("mine", None))
        said = ("x.yaml:3:1: model._component_ is 'a.b': Gemma 2 is not supported yet\n"
                "x.yaml:9:1: key 'tensor_parallel_dim' is '2': tensor parallelism is not supported; ranks share a model with strategy=fsdp\n"
                "x.yaml:5:1: use_dora=true is not supported yet; set it to false\n")
        self.assertEqual(torchtune_configs.judge(2, "", said), (None, ["DoRA", "Gemma 2", "tensor parallelism"]))
        recipe = "tune: config 'x.yaml' is for recipe 'qat': quantisation-aware training is not supported\n"
        self.assertEqual(torchtune_configs.judge(2, "", recipe), (None, ["quantisation-aware training"]))
        self.assertEqual(torchtune_configs.judge(2, "", said + "x.yaml:1:1: key 'a' is not known\n"), (None, None))

    def test_write_table_replacesTheOneBefore(self):
        with tempfile.TemporaryDirectory() as folder:
            page = pathlib.Path(folder) / "page.md"
            page.write_text(f"a\n{torchtune_configs.BEGIN}\nold\n{torchtune_configs.END}\nb\n")
            torchtune_configs.write(page, torchtune_configs.table({"mine": 2}, {("A", "B"): 1}, []))
            self.assertEqual(page.read_text(), f"""a
{torchtune_configs.BEGIN}
| configs | |
|---|---|
| 3 | all |
| **2** | validate as they are |
| 2 | for `mine` |
| **1** | are refused with the name of what is missing |
| 1 | A, B |
| **0** | are refused for another reason |
{torchtune_configs.END}
b
""")


if __name__ == "__main__":
    unittest.main()
