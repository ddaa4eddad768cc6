"""A bundle into MLflow, under a run and a name, and out of it again."""

from __future__ import annotations

import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import __version__
from ..bundle import MANIFEST, Bundle, open_bundle
from ..errors import BundleError, BundleNotFoundError, InvalidInputError
from ..writing import check_replaceable, folder_written_whole
from .place import placed, shown
from .runs import find_run

#: Of the model under its run, and of the bundle inside the model.
MODEL, ARTIFACT = "turn-detection", "bundle"
#: The file beside this one that MLflow runs to load a model.
_CODE = "pyfunc.py"
#: What a bundle may have besides the files of its manifest.
_EXTRAS = ("MODEL_CARD.md", "README.md", "curve.json", "plain/*.onnx")
#: As in ``data/sample_inference.json``, where the repository is at hand.
EXAMPLE: list[dict[str, Any]] = [
    {"context": "Чем могу помочь?", "message": "да я хотел бы"},
    {"context": "Чем могу помочь?", "message": "да я хотел бы узнать остаток по карте"},
]
_NAME = re.compile(r"(?P<name>[^/:@']+)(?:@(?P<alias>[^/:@]+)|/(?P<version>[0-9]+))")


@dataclass(frozen=True, slots=True)
class LoggedModel:
    """What MLflow has now: ``run_id``, ``model_id``, and the ``version`` if the model was registered under a name."""

    run_id: str
    model_id: str
    version: str | None


def log_model(bundle: str | Path, run: str, uri: str, *, register: str | None = None) -> LoggedModel:
    """Log a bundle as a ``pyfunc`` model of the run that made it, with its manifest's figures as metrics of model and run.

    Args:
        bundle: a local folder or the ``.onnx`` in it.
        run: id or name; of several by one name the one that started last.
        uri: of tracking and registry.
        register: also make it the next version of the registered model of this name.

    Raises:
        BundleNotFoundError, BundleError: the bundle is not sound; nothing is sent.
        InvalidInputError: no such run, or a name that MLflow refuses.
        DataUnavailableError: the place cannot be read or written.
        MissingExtraError: mlflow is not installed.
    """
    opened = open_bundle(Path(bundle))
    if register is not None and not _NAME.fullmatch(f"{register}@any"):
        raise InvalidInputError("the name of a registered model is not empty and has no '/', ':', '@' or '''")
    client, found = find_run(run, uri)
    run_id = str(found.info.run_id)
    figures = dict(opened.manifest.metrics)
    with placed(uri, "Logging a model") as mlflow, tempfile.TemporaryDirectory() as folder:
        from mlflow.models import Model, ModelSignature
        from mlflow.types.schema import AnyType, ColSpec, Schema

        staged, code = Path(folder) / ARTIFACT, Path(folder) / _CODE
        copy_bundle(opened, staged)
        # MLflow writes down where it took the code from, which is nobody's business.
        shutil.copyfile(Path(__file__).with_name(_CODE), code)
        signature = ModelSignature(
            inputs=Schema([ColSpec("string", "message"), ColSpec(AnyType(), "context", required=False)]),
            outputs=Schema([ColSpec("double", "p"), ColSpec("string", "verdict")]),
        )
        # Made here and not by Model.log, which would put it into MLflow's default experiment.
        empty = client.create_logged_model(
            found.info.experiment_id, name=MODEL, source_run_id=run_id, params=found.data.params
        )
        logged = Model.log(
            artifact_path=None,
            flavor=mlflow.pyfunc,
            run_id=run_id,
            model_id=empty.model_id,
            python_model=str(code),
            artifacts={ARTIFACT: str(staged)},
            signature=signature,
            input_example=EXAMPLE,
            pip_requirements=[f"turn-detection=={__version__}", f"mlflow=={mlflow.__version__}", "pandas"],
            metadata={"name": opened.manifest.name, "precision": opened.manifest.precision},
            registered_model_name=register,
        )
        for name, value in figures.items():
            client.log_metric(run_id, name, value, model_id=logged.model_id)
        version = None if register is None else str(logged.registered_model_version)
    return LoggedModel(run_id, str(logged.model_id), version)


def pull_model(name: str, output: str | Path, uri: str) -> Bundle:
    """Write the bundle of a registered model to a folder, and check every file against the manifest before anything is replaced.

    Args:
        name: ``NAME@ALIAS`` or ``NAME/VERSION``.
        output: the folder; replaced as a whole.
        uri: of the registry.

    Raises:
        InvalidInputError: no such model, alias or version.
        BundleError: what lies there is no bundle of this package, or was altered.
        OutputError: the folder is somebody else's, or cannot be written.
        DataUnavailableError: the registry cannot be read.
        MissingExtraError: mlflow is not installed.
    """
    check_replaceable(output, MANIFEST)
    with placed(uri, "Pulling a model") as mlflow, tempfile.TemporaryDirectory() as folder:
        version = registered(mlflow.MlflowClient(), name, uri)
        fetched = fetch(mlflow, version, f"artifacts/{ARTIFACT}", folder)
        try:
            opened = open_bundle(fetched)
        except (BundleError, BundleNotFoundError) as error:
            raise BundleError(f"version {version.version} of the model {version.name}: {error}") from error
        with folder_written_whole(output, replaces=MANIFEST) as written:
            copy_bundle(opened, written)
    return open_bundle(Path(output))


def copy_bundle(bundle: Bundle, folder: Path) -> None:
    """Copy what belongs to a bundle, and nothing else that lies in its folder."""
    extras = [path for pattern in _EXTRAS for path in sorted(bundle.folder.glob(pattern))]
    for name in [MANIFEST, *bundle.manifest.files, *(path.relative_to(bundle.folder).as_posix() for path in extras)]:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(bundle.folder / name, folder / name)


def registered(client: Any, name: str, uri: str) -> Any:
    """The version of a registered model that ``NAME@ALIAS`` or ``NAME/VERSION`` means.

    Raises:
        InvalidInputError: there is none; names those that there are.
    """
    parts = _NAME.fullmatch(name)
    if parts is None:
        raise InvalidInputError(f"a registered model is named NAME@ALIAS or NAME/VERSION, got '{name}'")
    try:
        if parts["alias"]:
            return client.get_model_version_by_alias(parts["name"], parts["alias"])
        return client.get_model_version(parts["name"], parts["version"])
    except Exception as error:
        if not _is_missing(error):
            raise
        raise InvalidInputError(
            f"no model '{name}' at {shown(uri)}; there are: {_versions(client, parts['name'])}"
        ) from error


def fetch(mlflow: Any, version: Any, path: str, folder: str) -> Path:
    """Download a file or folder of a registered model's version."""
    address = f"models:/{version.name}/{version.version}/{path}"
    try:
        return Path(mlflow.artifacts.download_artifacts(artifact_uri=address, dst_path=folder))
    except Exception as error:
        if not _is_missing(error) and not isinstance(error, OSError):
            raise
        raise BundleError(
            f"version {version.version} of the model {version.name} holds no bundle; 'turn-detection log_model' logs one"
        ) from error


def _is_missing(error: Exception) -> bool:
    return getattr(error, "error_code", None) in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE", "NOT_FOUND")


def _versions(client: Any, name: str) -> str:
    found = client.search_model_versions(f"name = '{name}'", max_results=12)
    names = [f"{name}/{version.version}" for version in found]
    aliases: dict[str, str] = client.get_registered_model(name).aliases if found else {}
    return ", ".join([*names, *(f"{name}@{alias}" for alias in aliases)]) or "none of that name"
