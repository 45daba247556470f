"""The page: what it shows, and what answers when something is dropped, taken or chosen."""

from collections.abc import Iterator
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fer.errors import FerError
from fer.web import answers, clip, uploads
from fer.web.answers import Camera
from fer.web.choice import Choice
from fer.web.uploads import Sent, Upload

if TYPE_CHECKING:
    import gradio as gr

NOTICE = "An expression is what people would read in a face, not what the person feels."
_CHECKED, _OLDEST = 10, 60  # seconds: how often old temporary files are looked for, and from when on they are deleted
_MOST_VISITS = 50  # whose photos are kept in memory until their page is closed
_LIVE_EVERY = 0.1  # seconds between a camera's frames
_EVENT: dict[str, Any] = {"preprocess": False, "api_visibility": "private", "concurrency_limit": None}
_SHOW_ANSWER = "() => document.querySelector('.fer-answer:not(:empty)')?.scrollIntoView({block: 'nearest'})"


def build(choice: Choice, folder: Path, seconds: float) -> "gr.Blocks":
    """Build the page.

    Args:
        choice: of models.
        folder: for temporary files, as the environment's GRADIO_TEMP_DIR names it.
        seconds: of a clip that are looked at.
    """
    import gradio as gr

    with gr.Blocks(title="fer", analytics_enabled=False, delete_cache=(_CHECKED, _OLDEST)) as page:
        gr.HTML(f"<h1>Which expression does a face show?</h1><p>{NOTICE}</p>", elem_classes="fer-head")
        with gr.Row():
            names = gr.CheckboxGroup(
                choice.names, value=choice.first, label="Models; several are averaged", min_width=320
            )
            heat = gr.Checkbox(
                False, label="Heat map", info="Photos only: which parts of a face led to the prediction."
            )
        with gr.Tab("Photo"):
            _add_photo(choice, folder, names, heat)
        with gr.Tab("Live"):
            _add_live(choice, folder, names)
        if find_spec("av") is not None:
            with gr.Tab("Clip"):
                _add_clip(choice, folder, names, seconds)

        def forget(request: gr.Request) -> None:
            """Forget what a visitor has sent, once the page is closed; Gradio would keep it for an hour."""
            page.state_holder.session_data.pop(request.session_hash, None)

        page.unload(forget)
    page.state_session_capacity = _MOST_VISITS
    return page


def _add_photo(choice: Choice, folder: Path, names: Any, heat: Any) -> None:
    import gradio as gr

    picture = gr.Image(
        label="Drop a photo, paste it, or take one",
        sources=["upload", "webcam", "clipboard"],
        type="filepath",
        height=260,
        elem_id="photo",
    )
    kept = gr.State(None)  # the photo, in memory, for when other models are chosen
    shown = _answer_area()

    def take(sent: Sent | None) -> Upload | FerError | None:
        try:
            return None if sent is None else uploads.read(sent, folder, "The photo")
        except FerError as error:
            return error

    def answer(upload: Upload | FerError | None, names: list[str], heat: bool) -> str:
        if isinstance(upload, Upload):
            return answers.photo(upload, choice, names, heat)
        return "" if upload is None else answers.problem(upload)

    def taken(sent: Sent | None, names: list[str], heat: bool) -> tuple[Upload | FerError | None, None, str]:
        upload = take(sent)
        return upload, None, answer(upload, names, heat)

    # The answer shows the photo, so the field is free for the next one.
    sending = picture.input(taken, [picture, names, heat], [kept, picture, shown], **_EVENT)
    sending.then(None, js=_SHOW_ANSWER, api_visibility="private")
    gr.on([names.input, heat.input], answer, [kept, names, heat], shown, **_EVENT)


def _add_live(choice: Choice, folder: Path, names: Any) -> None:
    import gradio as gr

    camera = gr.Image(label="Camera", sources=["webcam"], streaming=True, type="filepath", height=260, elem_id="camera")
    followed = gr.State(None)
    shown = _answer_area()

    def answer(sent: Sent | None, names: list[str], camera: Camera | None) -> tuple[str, Camera]:
        camera = camera or Camera()
        return "" if sent is None else answers.live(sent, folder, choice, names, camera), camera

    camera.stream(
        answer, [camera, names, followed], [shown, followed], stream_every=_LIVE_EVERY, show_progress="hidden", **_EVENT
    )


def _add_clip(choice: Choice, folder: Path, names: Any, seconds: float) -> None:
    import gradio as gr

    video = gr.Video(
        label=f"Drop a clip or record one, of up to {seconds:g} seconds",
        sources=["upload", "webcam"],
        height=260,
        elem_id="clip",
    )
    shown = _answer_area()

    def answer(sent: Sent | None, names: list[str]) -> Iterator[tuple[Any, Any]]:
        if sent is not None:
            # Gradio describes a video as a file or as {"video": file}, by version.
            for html in clip.answer(sent.get("video", sent), folder, choice, names, seconds):
                yield html, gr.skip()
        yield gr.skip(), None  # the field is free for the next clip

    sending = video.input(
        answer, [video, names], [shown, video], show_progress="minimal", show_progress_on=[shown], **_EVENT
    )
    sending.then(None, js=_SHOW_ANSWER, api_visibility="private")


def _answer_area() -> Any:
    import gradio as gr

    return gr.HTML("", elem_classes="fer-answer", padding=False)


def style() -> str:
    """The page's own CSS."""
    return files("fer.web").joinpath("style.css").read_text(encoding="utf-8")
