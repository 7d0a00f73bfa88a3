"""What all local pages share: who may talk to them, calls checked before anything is done, and their looks."""

from formreader.served.app import Site, application
from formreader.served.guard import Door
from formreader.served.serving import listening, refuse_open_door, serve

__all__ = ["Door", "Site", "application", "listening", "refuse_open_door", "serve"]
