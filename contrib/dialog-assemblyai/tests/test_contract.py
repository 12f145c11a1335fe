"""AssemblyAI keeps the contract of its kind, whoever ends the turns."""

from dialog_core.testing.contracts import SttContract

from dialog_assemblyai.testing import kits


class TestAssemblyAI(SttContract):
    kit = kits()[0]


class TestTurnsOfAssemblyAI(SttContract):
    kit = kits()[1]
