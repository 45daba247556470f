"""The command `fer`: expressions of faces in photos and videos."""

import click

from fer import __version__
from fer.cli.bulk import bulk
from fer.cli.evaluate import evaluate
from fer.cli.explain import explain
from fer.cli.models import models
from fer.cli.predict import predict
from fer.cli.terminal import Group
from fer.cli.video import video
from fer.cli.web import web


@click.group(cls=Group)
@click.version_option(__version__, prog_name="fer")
def main() -> None:
    """Recognise facial expressions: angry, disgust, fear, happy, neutral, sad or surprise.

    An expression is what people would read in a face, not what the person feels.

    \b
    fer predict party.jpg                 photos: a file, a folder or a pattern
    fer video clip.mp4                    a video or a camera, each face tracked over time
    fer explain party.jpg --output why/   heat maps: the parts of a face the model relies on
    fer web                               a local web page for photos, camera and clips
    fer evaluate labelled/                accuracy on labelled images
    fer models                            list the models
    fer bulk photos/ results/             millions of pictures, on all cores or a cluster
    """  # noqa: D301  click needs the backspace itself


for command in (predict, video, explain, web, evaluate, models, bulk):
    main.add_command(command)
