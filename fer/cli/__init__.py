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
    """Which expression does a face show: angry, disgust, fear, happy, neutral, sad or surprise?

    An expression is what people would read in a face, not what the person feels.

    \b
    fer predict party.jpg          the faces of a photo, a folder, a pattern
    fer video clip.mp4             the faces of a video or a camera, followed over time
    fer explain party.jpg          heat maps: where in a face the model sees its expression
    fer web                        a page in the browser: photos, camera, clips
    fer evaluate labelled/         accuracy on labelled images
    fer models                     list the models
    fer bulk photos/ results/      millions of pictures, on all cores or many machines
    """  # noqa: D301  click needs the backspace itself


for command in (predict, video, explain, web, evaluate, models, bulk):
    main.add_command(command)
