"""The Python client that protoc makes of the contract in proto/."""

import atexit
import importlib
import shutil
import sys
import tempfile
from pathlib import Path

import grpc_tools
from grpc_tools import protoc

from harness.programs import ROOT

PROTO = ROOT / "proto"


def _generate():
    folder = tempfile.mkdtemp(prefix="carillon-proto-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    protos = sorted(str(p) for p in (PROTO / "carillon/v1").glob("*.proto"))
    well_known = Path(grpc_tools.__file__).parent / "_proto"
    code = protoc.main(
        ["protoc", f"-I{PROTO}", f"-I{well_known}", f"--python_out={folder}",
         f"--grpc_python_out={folder}", *protos])
    if code != 0:
        raise RuntimeError("protoc cannot compile the contract")
    sys.path.insert(0, folder)


_generate()

account_pb = importlib.import_module("carillon.v1.account_service_pb2")
account_grpc = importlib.import_module("carillon.v1.account_service_pb2_grpc")
event_pb = importlib.import_module("carillon.v1.event_pb2")
events_pb = importlib.import_module("carillon.v1.event_service_pb2")
events_grpc = importlib.import_module("carillon.v1.event_service_pb2_grpc")
filter_pb = importlib.import_module("carillon.v1.filter_pb2")
session_pb = importlib.import_module("carillon.v1.session_service_pb2")
session_grpc = importlib.import_module("carillon.v1.session_service_pb2_grpc")
