from __future__ import annotations

import sys
from pathlib import Path

import click
import pytest

from dialog_core.errors import PluginError
from dialog_core.installed import PluginSettings
from dialog_core.plugins import Catalog, Plugins, discover
from dialog_core.sources import Faults
from dialog_core.testing.distributions import install_distribution

SPEECH = """
@hookimpl
def dialog_stt():
    return (Factory("deepgram", NoSettings, make),)
"""
VOICE = """
@hookimpl
def dialog_tts():
    return (Factory("hibari", NoSettings, make),)
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def plugins(site: Path) -> Plugins:
    return Plugins(discover([str(site)]))


def refusal(site: Path, kind: str, use: str) -> str:
    catalog = plugins(site).catalog([(kind, use)])
    with pytest.raises(Faults) as caught:
        catalog.choose(kind, use, lambda _table, cls: cls())
    return str(caught.value)


def test_names_are_read_without_importing(site: Path) -> None:
    module = install_distribution(site, "dialog-deepgram", SPEECH, version="2.3")

    (found,) = plugins(site).installed

    assert (found.name, str(found)) == ("deepgram", "dialog-deepgram 2.3")
    assert module not in sys.modules


def test_only_what_is_named_is_imported(site: Path) -> None:
    named = install_distribution(site, "dialog-deepgram", SPEECH)
    other = install_distribution(site, "dialog-local", VOICE)

    catalog = plugins(site).catalog([("stt", "deepgram")])

    assert catalog.names("stt") == ("deepgram",)
    assert named in sys.modules
    assert other not in sys.modules


def test_a_component_may_be_named_by_its_entry_point(site: Path) -> None:
    install_distribution(site, "dialog-local", VOICE)
    catalog = plugins(site).catalog([("tts", "local:hibari")])

    chosen = catalog.choose("tts", {"use": "local:hibari"}, lambda _table, cls: cls())

    assert chosen.name == "hibari"
    assert catalog.names("tts") == ("local:hibari",)


def test_a_component_is_found_in_a_plugin_of_another_name(site: Path) -> None:
    install_distribution(site, "dialog-local", VOICE)

    catalog = plugins(site).catalog([("tts", "hibari")])

    assert catalog.find("tts", "hibari") is not None


def test_the_built_in_plugin_is_always_loaded(site: Path) -> None:
    source = """
    @hookimpl
    def dialog_vad():
        return (Factory("energy", NoSettings, make),)
    """
    install_distribution(site, "dialog-core", source, entry_point="policies")

    assert plugins(site).catalog().names("vad") == ("energy",)


def test_a_misspelt_name_is_corrected(site: Path) -> None:
    install_distribution(site, "dialog-deepgram", SPEECH)

    assert refusal(site, "stt", "deepgrm") == (
        "use: no speech-to-text named 'deepgrm'; installed: deepgram; did you mean 'deepgram'?"
    )


def test_a_missing_plugin_comes_with_the_command_that_installs_it(site: Path) -> None:
    install_distribution(site, "dialog-local", VOICE)

    assert refusal(site, "tts", "cartesia") == (
        "use: no text-to-speech named 'cartesia'; installed: local:hibari; "
        "install the distribution dialog-cartesia: pip install dialog-cartesia"
    )


def test_a_name_of_two_plugins_is_ambiguous(site: Path) -> None:
    install_distribution(site, "dialog-deepgram", SPEECH)
    install_distribution(site, "deepgram-again", SPEECH, entry_point="deepgram", version="0.2")

    assert refusal(site, "stt", "deepgram") == (
        "use: deepgram-again 0.2 and dialog-deepgram 1.0 both offer a speech-to-text named "
        "'deepgram'; write 'deepgram-again:deepgram' or 'dialog-deepgram:deepgram'"
    )


def test_the_distribution_tells_two_plugins_of_one_name_apart(site: Path) -> None:
    install_distribution(site, "dialog-deepgram", SPEECH)
    install_distribution(site, "deepgram_again", SPEECH, entry_point="deepgram", version="0.2")

    catalog = plugins(site).catalog([("stt", "deepgram-again:deepgram")])
    offer = catalog.find("stt", "deepgram-again:deepgram")

    assert offer is not None
    assert str(offer.plugin) == "deepgram_again 0.2"


def test_a_list_names_two_plugins_of_one_name_in_full(site: Path) -> None:
    install_distribution(site, "dialog-deepgram", SPEECH)
    install_distribution(site, "deepgram-again", SPEECH, entry_point="deepgram", version="0.2")
    found = plugins(site)

    found.load_all()

    assert found.catalog().names("stt") == ("deepgram-again:deepgram", "dialog-deepgram:deepgram")


def test_a_bare_name_means_the_plugin_that_is_called_so(site: Path) -> None:
    install_distribution(site, "dialog-deepgram", SPEECH)
    install_distribution(site, "dialog-all", SPEECH)
    found = plugins(site)
    found.load_all()

    offer = found.catalog().find("stt", "deepgram")

    assert offer is not None
    assert offer.plugin.name == "deepgram"
    assert found.catalog().names("stt") == ("all:deepgram", "deepgram")


def test_a_name_of_two_plugins_called_otherwise_is_ambiguous_whoever_is_loaded(site: Path) -> None:
    install_distribution(site, "dialog-one", SPEECH)
    install_distribution(site, "dialog-two", SPEECH)
    found = plugins(site)

    catalog = found.catalog([("stt", "one:deepgram"), ("stt", "deepgram")])

    with pytest.raises(Faults, match="write 'dialog-one:deepgram' or 'dialog-two:deepgram'"):
        catalog.find("stt", "deepgram")


SIDE_EFFECT = """
import pathlib
pathlib.Path(__file__).with_suffix(".imported").touch()
"""


@pytest.mark.parametrize(
    "rules",
    [
        PluginSettings(deny=("evil",)),
        PluginSettings(deny=("dialog-evil",)),
        PluginSettings(allow=("deepgram",)),
        PluginSettings(allow=()),
        PluginSettings(allow=("evil",), deny=("dialog-evil",)),
    ],
)
def test_what_may_not_be_used_is_never_imported(site: Path, rules: PluginSettings) -> None:
    module = install_distribution(site, "dialog-evil", SIDE_EFFECT + SPEECH)
    found = plugins(site).screened(rules)

    found.load_all()
    found.catalog([("stt", "deepgram"), ("stt", "evil"), ("stt", "dialog-evil:deepgram")])

    assert not (site / f"{module}.imported").exists()
    assert module not in sys.modules


def test_what_may_be_used_is(site: Path) -> None:
    install_distribution(site, "dialog-deepgram", SPEECH)
    found = plugins(site).screened(PluginSettings(allow=("dialog-deepgram",), deny=("evil",)))

    assert found.catalog([("stt", "deepgram")]).names("stt") == ("deepgram",)


@pytest.mark.parametrize(
    ("rules", "reason"),
    [
        (PluginSettings(deny=("deepgram",)), "is denied; take it out of plugins.deny"),
        (PluginSettings(allow=("local",)), "is not allowed; add it to plugins.allow"),
    ],
)
def test_naming_what_may_not_be_used_says_which_list_forbids_it(
    site: Path, rules: PluginSettings, reason: str
) -> None:
    install_distribution(site, "dialog-deepgram", SPEECH)
    catalog = plugins(site).screened(rules).catalog([("stt", "deepgram")])

    assert catalog.absent("stt", "deepgram") == f"plugin 'deepgram' (dialog-deepgram 1.0) {reason}"


def contracted(contract: str) -> str:
    return (
        f"@hookimpl\ndef dialog_stt():\n"
        f'    return (Factory("acme", NoSettings, make, contract={contract!r}),)\n'
    )


@pytest.mark.parametrize(
    ("contract", "upgrade"),
    [(">=2", "dialog-core"), (">=1.1,<2", "dialog-core"), ("<1", "dialog-acme")],
)
def test_a_plugin_for_another_contract_is_refused_with_both_versions(
    site: Path, contract: str, upgrade: str
) -> None:
    module = install_distribution(site, "dialog-acme", contracted(contract), version="3.0")

    with pytest.raises(PluginError) as caught:
        plugins(site).catalog([("stt", "acme")])

    assert str(caught.value) == (
        f"plugin 'acme': dialog-acme 3.0 wants version {contract} of the stt contract, and this "
        f"core has 1.0; upgrade {upgrade}: pip install --upgrade {upgrade}"
    )
    assert module in sys.modules


@pytest.mark.parametrize("contract", ["", "1", "~=1.0", ">=1;<2", ">=one"])
def test_a_contract_that_is_no_range_is_refused(site: Path, contract: str) -> None:
    module = install_distribution(site, "dialog-acme", contracted(contract))

    with pytest.raises(PluginError) as caught:
        plugins(site).catalog([("stt", "acme")])

    assert str(caught.value) == (
        f"plugin 'acme': {site / module}.py: dialog_stt: the contract of 'acme': {contract!r} is no "
        "range of versions; write it like '>=1.0,<2'"
    )


def test_a_plugin_that_was_refused_is_refused_again(site: Path) -> None:
    install_distribution(site, "dialog-acme", contracted(">=9"))
    found = plugins(site)

    assert [error.plugin for error in found.load_all()] == ["acme"]
    assert [error.plugin for error in found.load_all()] == ["acme"]


def test_a_broken_plugin_that_nobody_names_does_not_disturb(site: Path) -> None:
    install_distribution(site, "dialog-broken", "import no_such_module")
    install_distribution(site, "dialog-deepgram", SPEECH)
    found = plugins(site)

    catalog = found.catalog([("stt", "deepgram"), ("stt", "nobody")])

    assert catalog.names("stt") == ("deepgram",)
    assert [error.plugin for error in found.load_all()] == ["broken"]


def test_a_broken_plugin_that_is_named_stops_in_one_sentence(site: Path) -> None:
    install_distribution(site, "dialog-broken", "import no_such_module")

    with pytest.raises(PluginError) as caught:
        plugins(site).catalog([("stt", "broken")])

    assert str(caught.value) == (
        "plugin 'broken': dialog-broken 1.0 cannot be imported: "
        "ModuleNotFoundError: No module named 'no_such_module'; "
        "install it again: pip install --force-reinstall dialog-broken"
    )


FAULTY_HOOKS = {
    "async def dialog_stt():\n    return ()": (
        "dialog_stt is an async def; make it a plain def that returns a tuple of Factory"
    ),
    "def dialog_sst():\n    return ()": "dialog_sst: no such hook; did you mean 'dialog_stt'?",
    "def dialog_stt(settings):\n    return ()": (
        "dialog_stt takes settings, which the hook does not give"
    ),
    "def dialog_stt():\n    return (1,)": "dialog_stt must return Factory values, not 1",
    'def dialog_stt():\n    return (Factory("x", dict, make),)': (
        "dialog_stt: the settings of 'x' must be an attrs class"
    ),
    "def dialog_stt():\n    return 1 / 0": (
        "dialog_stt failed: ZeroDivisionError: division by zero"
    ),
}


@pytest.mark.parametrize("hook", FAULTY_HOOKS)
def test_a_faulty_hook_is_refused_with_file_and_function(site: Path, hook: str) -> None:
    module = install_distribution(site, "dialog-faulty", f"@hookimpl\n{hook}\n")

    with pytest.raises(PluginError) as caught:
        plugins(site).catalog([("stt", "faulty")])

    assert str(caught.value) == f"plugin 'faulty': {site / module}.py: {FAULTY_HOOKS[hook]}"


def test_a_wrapper_is_refused(site: Path) -> None:
    source = "@hookimpl(wrapper=True)\ndef dialog_stt():\n    return (yield)\n"
    install_distribution(site, "dialog-around", source)

    with pytest.raises(PluginError, match="dialog_stt is a wrapper; a hook only returns"):
        plugins(site).catalog([("stt", "around")])


def test_a_plugin_may_add_commands(site: Path) -> None:
    source = """
    import click

    @hookimpl
    def dialog_commands(cli):
        cli.add_command(click.Command("wave"))
    """
    install_distribution(site, "dialog-wave", source)
    found, group = plugins(site), click.Group()

    found.load_all()
    found.add_commands(group)

    assert list(group.commands) == ["wave"]


def test_a_catalog_is_frozen(site: Path) -> None:
    install_distribution(site, "dialog-deepgram", SPEECH)
    catalog = plugins(site).catalog([("stt", "deepgram")])

    with pytest.raises(TypeError):
        catalog.offers["stt"] = ()  # type: ignore[index]

    assert isinstance(catalog, Catalog)


def test_each_application_has_its_own_manager(site: Path) -> None:
    install_distribution(site, "dialog-deepgram", SPEECH)
    first, second = plugins(site), plugins(site)

    first.load_all()

    assert first.offers()
    assert not second.offers()
