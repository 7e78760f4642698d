"""Where pictures come from: uploads, the camera, samples."""

from typing import Final

import streamlit as st

from ferapp.media.images import MAX_BYTES, MAX_PIXELS, read_image
from ferapp.media.pictures.formats import ENDINGS, NAMES
from ferapp.system.text import one_line
from ferapp.ui.pictures.sheet import Thumbnail, show_sheet, thumbnail_of
from ferapp.ui.shared import session_keys
from ferapp.ui.shared.components.own import data_url
from ferapp.ui.shared.sources import SAMPLES, SAMPLES_FOLDER, Source
from ferapp.wording import counted

MAX_FILES: Final = 200
MAX_TOTAL_MB: Final = 500


def choose_pictures() -> list[Source]:
    """Let the visitor choose pictures, and return them: a sample until there is one."""
    where = st.segmented_control(
        "Source",
        ("Upload", "Camera"),
        default="Upload",
        required=True,
        key="where",
        persist_state="session",
        label_visibility="collapsed",
    )
    pictures = _camera() if where == "Camera" else _uploads()
    samples = st.empty()
    if pictures:
        # At once: what a page no longer shows stays until the end of the run otherwise.
        samples.empty()
        return pictures
    with samples.container():
        return _sample()


def _uploads() -> list[Source]:
    st.file_uploader(
        "Pictures",
        type=ENDINGS,
        max_upload_size=MAX_BYTES // 1_000_000,
        accept_multiple_files=True,
        key=session_keys.PICTURE_FILES.name,
        on_change=_remember,
        help=f"{NAMES}. Up to {MAX_FILES} files and {MAX_TOTAL_MB} MB at a time, "
        f"{MAX_PIXELS / 1e6:g} megapixels each.",
    )
    files = session_keys.PICTURE_UPLOADS.get() or []
    if files and not session_keys.PICTURE_FILES.get():
        label = f"Remove {counted(len(files), 'uploaded picture')}"
        st.button(label, icon=":material/delete:", on_click=_forget)
    kept: list[Source] = []
    total = 0
    for file in files:
        total += file.size
        if len(kept) == MAX_FILES or total > MAX_TOTAL_MB * 1_000_000:
            st.warning(
                f"{len(files)} files are too many at once: the first {len(kept)} are analysed. The "
                f"limit is {MAX_FILES} files and {MAX_TOTAL_MB} MB; `python -m ferapp analyze` has "
                "none.",
                icon=":material/stacks:",
            )
            break
        kept.append(Source(file.file_id, one_line(file.name), file.getvalue))
    return kept


def _remember() -> None:
    """Keep the uploads themselves: the widget forgets them when another page is opened."""
    session_keys.PICTURE_UPLOADS.set(session_keys.PICTURE_FILES.get() or [])


def _forget() -> None:
    session_keys.PICTURE_UPLOADS.set([])


def _camera() -> list[Source]:
    photo = st.camera_input(
        "Take a photo",
        resolution="720p",
        help="The browser asks whether the page may use the camera. The photo goes to the "
        "machine that runs ferapp, which is this one unless you opened it from another.",
    )
    return [Source(photo.file_id, "photo", photo.getvalue)] if photo else []


def _sample() -> list[Source]:
    """Show the samples, and return the one that is chosen."""
    chosen = session_keys.SAMPLE.setdefault(SAMPLES[0].file)
    st.markdown("Or look at a sample:")
    show_sheet(
        [Thumbnail(s.file, _thumbnail(s.file), s.title, hint=s.credit) for s in SAMPLES],
        label="Samples",
        chosen=chosen,
        key="samples",
        on_choose=session_keys.SAMPLE.set,
        in_one_row=True,
    )
    credit = next(sample.credit for sample in SAMPLES if sample.file == chosen)
    st.caption(f"A sample: {credit}. Your own pictures stay on the machine that runs ferapp.")
    return [Source(f"sample:{chosen}", chosen, (SAMPLES_FOLDER / chosen).read_bytes)]


@st.cache_data(show_spinner=False)
def _thumbnail(file: str) -> str:
    """A sample for the browser."""
    return data_url(thumbnail_of(read_image(SAMPLES_FOLDER / file)))
