"""Bodies of requests and answers, as the OpenAPI document shows them. Pydantic lives here and in ``events.py`` only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from ..slots import check_expect
from ..types import Context, Message
from ..types import TurnPrediction as Prediction

Probability = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]
#: For the document only; what is accepted is :func:`check_expect`'s business.
EXPECT_PATTERN = (
    "^(phone|home_phone|card|code|passport|inn|snils|postcode|email|date|time|number|yes_no|none"
    "|digits:[1-9]|digits:[1-3][0-9]|digits:[1-4]-[5-9])$"
)
#: What the bot expects to hear, such as ``phone`` or ``digits:6``.
Expect = Annotated[
    str, Field(max_length=32, json_schema_extra={"pattern": EXPECT_PATTERN}), AfterValidator(check_expect)
]
_QUESTION = "Здравствуйте! Чем могу помочь?"
_UNFINISHED = "мне нужен билет на"


class ChatMessage(BaseModel):
    """One message of the dialogue. Roles that are neither bot nor caller (``system``, ``tool``) are skipped."""

    role: str = Field(max_length=64, examples=["assistant"])
    content: str | None = Field(default=None, examples=[_QUESTION])

    def to_message(self) -> Message:
        return Message(self.role, self.content or "")


#: What came before the caller's turn: the bot's last words, or messages.
ContextBody = str | list[ChatMessage] | None


def to_context(body: ContextBody) -> Context:
    if isinstance(body, list):
        return [message.to_message() for message in body]
    return body


class Probas(BaseModel):
    """The two probabilities; they sum to one."""

    wait: Probability
    speak: Probability


class InferRequest(BaseModel):
    """The original system's request; further keys are ignored."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"context": _QUESTION, "message": _UNFINISHED}]})

    context: str | None = Field(default="", description="The bot's last words.")
    message: str = Field(description="What the caller has said so far in this turn.")


class InferResponse(BaseModel):
    """The original system's answer."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"probas": {"wait": 0.97, "speak": 0.03}}]})

    probas: Probas


class PredictItem(BaseModel):
    """One pause to judge: ``message`` with an optional ``context``, or the whole dialogue in ``messages``."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"message": _UNFINISHED, "context": _QUESTION},
                {"message": "восемь девятьсот три", "context": "Назовите ваш телефон.", "expect": "phone"},
                {
                    "messages": [
                        {"role": "assistant", "content": "Вам удобно говорить?"},
                        {"role": "user", "content": "да"},
                    ],
                    "threshold": 0.6,
                },
            ],
            "anyOf": [
                {
                    "required": ["message"],
                    "properties": {"message": {"type": "string"}, "messages": {"type": "null"}},
                },
                {
                    "required": ["messages"],
                    "properties": {"messages": {"type": "array"}, "context": {"type": "null"}},
                },
            ],
        },
    )

    message: str | None = Field(
        default=None,
        description="What the caller has said so far in this turn; may be left out if messages end with it.",
    )
    context: ContextBody = Field(default=None, description="The bot's last words, or the messages before this turn.")
    messages: list[ChatMessage] | None = Field(
        default=None, description="The dialogue instead of context; the caller's messages at its end are this turn."
    )
    expect: Expect | None = Field(
        default=None,
        description="What the bot asked for: phone, card, code, email, date, number, yes_no, digits:6, digits:4-6, ... ; "
        "none keeps the bot's line from being read for it.",
    )
    threshold: Probability | None = Field(default=None, description="Verdict speak from this probability on.")

    @model_validator(mode="after")
    def _one_form(self) -> PredictItem:
        if self.message is None and self.messages is None:
            raise ValueError("give message, or messages that end with the caller's words")
        if self.context is not None and self.messages is not None:
            raise ValueError("give context or messages, not both")
        return self


class PredictRequest(PredictItem):
    """One pause to judge."""

    deadline_ms: int | None = Field(
        default=None, ge=1, le=600_000, description="An error 504 after so long; at most the server's own limit."
    )


class BatchRequest(BaseModel):
    """Many pauses to judge; the answers come in the same order."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"items": [{"message": _UNFINISHED, "context": _QUESTION}, {"message": "да спасибо"}]}]
        },
    )

    items: list[PredictItem]
    threshold: Probability | None = Field(default=None, description="For items without one of their own.")
    deadline_ms: int | None = Field(default=None, ge=1, le=600_000)


class ModelInfo(BaseModel):
    """Which model answered; the version changes with the weights."""

    name: str
    version: str


class Verdict(BaseModel):
    """The judgement of one pause."""

    eot_probability: Probability = Field(description="Calibrated probability that the caller has finished.")
    label: Literal["speak", "wait"]
    probas: Probas
    delay_s: float = Field(description="Suggested silence, in seconds from the end of speech, before the bot speaks.")
    threshold: Probability

    @classmethod
    def fields_of(cls, prediction: Prediction) -> dict[str, Any]:
        return {
            "eot_probability": prediction.eot_probability,
            "label": prediction.label,
            "probas": prediction.probas,
            "delay_s": prediction.delay_s,
            "threshold": prediction.threshold,
        }


class PredictResponse(Verdict):
    """The judgement of one pause, and by whom."""

    latency_ms: float = Field(description="From the arrival of the request to the answer, waiting included.")
    model: ModelInfo


class BatchResponse(BaseModel):
    """Judgements in the order of the items."""

    predictions: list[Verdict]
    latency_ms: float
    model: ModelInfo


class PolicyInfo(BaseModel):
    """``EndpointingPolicy``: from a probability to a silence in seconds."""

    min_delay_s: float
    max_delay_s: float
    threshold: Probability
    gamma: float
    mode: Literal["continuous", "binary"]


class Limits(BaseModel):
    """What one request may hold."""

    max_batch_items: int
    max_body_bytes: int
    max_message_chars: int
    max_context_chars: int
    max_context_messages: int


class CurveLine(BaseModel):
    """One way of choosing delays, from quick to patient."""

    line: list[tuple[float, float, float]] = Field(
        description="Mean delay in seconds, false cut-offs per pause, false cut-offs per turn."
    )


class Curve(BaseModel):
    """Delay against false cut-offs on held-out speech, as ``EndpointingCurve.to_dict`` writes it; what else is there is left out."""

    lines: dict[str, CurveLine]


class SettingsResponse(BaseModel):
    """What the server decides by; nothing that must stay secret."""

    version: str = Field(description="Of the package.")
    model: ModelInfo
    threshold: Probability
    policy: PolicyInfo
    slots: Literal["auto", "explicit", "off"]
    limits: Limits
    curve: Curve | None = Field(description="Null: the bundle carries none.")


class EotRequest(BaseModel):
    """What LiveKit's remote detector sends: a language, or a chat context as ``ChatContext.to_dict`` writes it."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {"language": "ru"},
                {
                    "items": [
                        {"type": "message", "role": "assistant", "content": ["Вам удобно говорить?"]},
                        {"type": "message", "role": "user", "content": ["да"]},
                    ]
                },
            ]
        },
    )

    language: str | None = Field(default=None, max_length=64)
    items: list[Any] | None = None

    @model_validator(mode="after")
    def _one_form(self) -> EotRequest:
        if "language" not in self.model_fields_set and self.items is None:
            raise ValueError("give language, or the items of a chat context")
        return self


class ThresholdResponse(BaseModel):
    """``null``: this language is not supported."""

    threshold: float | None


class ProbabilityResponse(BaseModel):
    probability: float


class Status(BaseModel):
    status: str


class FieldFault(BaseModel):
    """Where the fault is, and what it is; never the value."""

    loc: Sequence[str | int]
    msg: str
    type: str


class InvalidBody(BaseModel):
    """Status 422."""

    detail: list[FieldFault]


class Problem(BaseModel):
    """Every other error."""

    detail: str
