"""Fine-tuning of an encoder. Needs the extra ``cpu`` or ``cuda``; nothing that a serving user installs imports this."""

from ..errors import MissingExtraError

try:
    import lightning as _lightning  # noqa: F401
    import torch as _torch  # noqa: F401
    import transformers as _transformers  # noqa: F401
except ImportError as error:  # pragma: no cover - seen in the bare-environment test
    raise MissingExtraError("Training", "cpu", error.name) from error
