"""Corpus files as test items: one sample, one test.

``pytest --chatlab-corpus DIR`` (or the ini value ``chatlab_corpus``) checks each sample below DIR
against the rules, with the providers of the files that the ini value ``chatlab_providers`` names.
A sample marked as a known miss is a strict xfail.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from chatlab.exceptions import ChatlabError

if TYPE_CHECKING:
    from chatlab.corpus import Sample
    from chatlab.errors import RuleTable

_FOLDERS = pytest.StashKey[tuple[Path, ...]]()
_RULES = pytest.StashKey["RuleTable"]()


class SampleMismatchError(ChatlabError, AssertionError):
    """A verdict differs from what its sample expects; the text is the report."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option and the ini value."""
    words = "a folder of corpus samples to check"
    parser.getgroup("chatlab").addoption(
        "--chatlab-corpus", action="append", default=[], metavar="DIR", help=words
    )
    parser.addini("chatlab_corpus", words, type="paths", default=[])
    words = "TOML files of further providers, or folders of them"
    parser.addini("chatlab_providers", words, type="paths", default=[])


def pytest_configure(config: pytest.Config) -> None:
    """Find the folders, and collect those that were asked for on the command line."""
    asked = [Path(folder).resolve() for folder in config.getoption("--chatlab-corpus")]
    for folder in asked:
        if not folder.is_dir():
            words = "no such folder; name a folder of samples"
            raise pytest.UsageError(f"--chatlab-corpus: {folder}: {words}")
        if not any(folder.is_relative_to(Path(given).resolve()) for given in config.args):
            config.args.append(str(folder))
    configured = [Path(folder).resolve() for folder in config.getini("chatlab_corpus")]
    config.stash[_FOLDERS] = (*asked, *configured)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> SampleFile | None:
    """Collect a sample's file; everything else is left to others."""
    for folder in parent.config.stash[_FOLDERS]:
        inside = file_path.suffix == ".json" and file_path.is_relative_to(folder)
        if inside and file_path != folder / "schema.json":
            found: SampleFile = SampleFile.from_parent(parent, path=file_path)
            found.folder = folder
            return found
    return None


def pytest_collection_modifyitems(
    session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Add a failing item for each link, pipe or folder that has the name of a sample."""
    if not config.stash[_FOLDERS]:
        return
    from chatlab.corpus.sample_files import sample_files

    asked = [Path(given.partition("::")[0]).resolve() for given in config.args]
    for folder in config.stash[_FOLDERS]:
        for path in sample_files(folder):
            if not path.is_file() and any(path.is_relative_to(one) for one in asked):
                found: SampleFile = SampleFile.from_parent(session, path=path)
                found.folder = folder
                items.extend(found.collect())


def _rules(config: pytest.Config) -> RuleTable:
    """The rules, with the providers of the ini value ``chatlab_providers``."""
    if _RULES not in config.stash:
        from chatlab.errors import RULES

        paths = config.getini("chatlab_providers")
        config.stash[_RULES] = RULES.with_providers(*paths) if paths else RULES
    return config.stash[_RULES]


class SampleFile(pytest.File):
    """The file of one sample."""

    folder: Path

    def collect(self) -> Iterator[SampleItem]:
        """The one test of the file."""
        yield SampleItem.from_parent(self, name="verdict")


class SampleItem(pytest.Item):
    """Whether the rules give a sample its expected verdict."""

    parent: SampleFile

    def _sample(self) -> Sample:
        from chatlab.corpus.sample_files import read_sample

        relative = self.path.relative_to(self.parent.folder)
        known = _rules(self.config).providers
        return read_sample(self.path, relative.with_suffix("").as_posix(), known)

    def runtest(self) -> None:
        """Judge the sample."""
        from chatlab.corpus import check_sample

        sample = self._sample()
        if sample.known_miss:
            self.add_marker(pytest.mark.xfail(reason=sample.known_miss, strict=True))
        result = check_sample(sample, _rules(self.config))
        if not result.ok:
            raise SampleMismatchError(result.report())

    def repr_failure(
        self, excinfo: pytest.ExceptionInfo[BaseException], style: str | None = None
    ) -> str:
        """The report alone: path, expected, got, the deciding rule, the command to accept it."""
        from chatlab.corpus import SampleError

        if isinstance(excinfo.value, SampleMismatchError | SampleError):
            return str(excinfo.value)
        return str(super().repr_failure(excinfo))

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Where the sample is."""
        return self.path, None, self.path.relative_to(self.parent.folder).as_posix()
