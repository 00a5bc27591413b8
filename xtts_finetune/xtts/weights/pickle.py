"""A pickle read without any of its code: every class and function that it names is replaced by an inert stand-in.

What comes out are dictionaries, lists, plain values, `StoredTensor` where the file has a tensor, and `StandIn` for all
else. Nothing that the file names is imported or called.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any, ClassVar, Protocol

from xtts_finetune.xtts.weights.stored_tensors import STORAGES, NotRead, Storage, checked_tensor

_MOST_OPERATIONS = 3_000_000  # a checkpoint of XTTS v2 with its optimizer has 0.2 million
_PLAIN = (str, bytes, int, float, bool, type(None))
_DICTIONARIES = {"dict", "OrderedDict", "defaultdict", "Counter"}


class Readable(Protocol):
    """What a pickle is read from."""

    def read(self, size: int = -1, /) -> bytes:
        """So many bytes, or fewer at the end."""

    def readline(self) -> bytes:
        """A line with its end."""


class StandIn:
    """Stands for an object of the file, or for a class or function that it names; does nothing."""

    def __init__(self, name: str, arguments: tuple[object, ...] = ()) -> None:
        self.name = name
        self.arguments = arguments
        self.state: object = None

    def __repr__(self) -> str:
        return f"<{self.name} of the file>"


class InertDictionary(dict[Any, Any]):
    """A dictionary of a kind of its own (`OrderedDict` ...)."""


def read_pickle(file: Readable) -> object:
    """The next pickle of the file. Raises NotRead if it is none, or one that no program writes."""
    try:
        return _Reader(file).load()
    except NotRead:
        raise
    except EOFError:
        raise NotRead("it ends too early") from None
    except Exception as error:  # whatever bytes that are no pickle lead to
        raise NotRead(f"its table of contents is damaged ({error or type(error).__name__})") from None


def attributes(value: object) -> object:
    """A dictionary's stand-in as a dictionary: what an object of the file had as its attributes, all else as it is."""
    if isinstance(value, StandIn):
        state = value.state
        if isinstance(state, tuple) and len(state) == 2 and isinstance(state[0], dict):
            state = state[0]
        return state if isinstance(state, dict) else {}
    return value


def _tensor(dtype: str | None, arguments: tuple[object, ...]) -> object:
    """`torch._utils._rebuild_tensor_v2` and its kin: (storage, offset, size, stride, ...)."""
    storage, offset, shape, stride = arguments[:4]
    if not isinstance(storage, Storage):
        return StandIn("torch.Tensor", arguments)
    return checked_tensor(storage, dtype or storage.dtype, offset, _tuple(shape), _tuple(stride))


def _tuple(value: object) -> tuple[Any, ...]:
    if isinstance(value, StandIn) and value.name == "torch.Size" and value.arguments:
        value = value.arguments[0]
    return tuple(value) if isinstance(value, tuple | list) else ()


def _made(what: object, arguments: tuple[object, ...]) -> object:
    """What the file means by calling something: a tensor, a dictionary or a stand-in."""
    name = what.name if isinstance(what, StandIn) else type(what).__name__
    short = name.rpartition(".")[2]
    if name.startswith("torch."):
        if short in ("_rebuild_tensor_v2", "_rebuild_tensor"):
            return _tensor(None, arguments)
        if short == "_rebuild_tensor_v3" and len(arguments) > 6:
            return _tensor(_dtype_of(arguments[6]), arguments)
        if short in ("_rebuild_parameter", "_rebuild_parameter_with_state", "Parameter") and arguments:
            return arguments[0]
        if short == "_rebuild_from_type_v2" and len(arguments) > 2:
            return _made(arguments[0], _tuple(arguments[2]))
        if short == "_rebuild_qtensor":
            return _tensor(None, arguments)
    if short in _DICTIONARIES and name.startswith(("collections.", "builtins.", "__builtin__.")):
        return InertDictionary()
    return StandIn(name, arguments)


def _dtype_of(value: object) -> str:
    return value.name.rpartition(".")[2] if isinstance(value, StandIn) else "?"


class _Reader(pickle._Unpickler):
    """Python's own reader, the one that is written in Python: each of its operations can be replaced."""

    dispatch: ClassVar[dict[int, Callable[..., None]]] = dict(pickle._Unpickler.dispatch)

    def __init__(self, file: Readable) -> None:
        super().__init__(file, encoding="latin-1")
        self._operations = 0
        self._read = file.read

    def load(self) -> object:
        """As its parent's, with a limit on the operations: each may make an object."""
        self._unframer = pickle._Unframer(self._file_read, self._file_readline)  # type: ignore[attr-defined]
        self.read, self.readline = self._counted_read, self._unframer.readline
        self.readinto = self._unframer.readinto
        self.metastack: list[object] = []
        self.stack: list[Any] = []
        self.append = self.stack.append
        self.proto = 0
        try:
            while True:
                key = self._unframer.read(1)
                if not key:
                    raise EOFError
                self._operations += 1
                if self._operations > _MOST_OPERATIONS:
                    raise NotRead("its table of contents is far larger than that of a model")
                self.dispatch[key[0]](self)
        except pickle._Stop as stop:  # type: ignore[attr-defined]
            return stop.value

    def _counted_read(self, size: int) -> bytes:
        content: bytes = self._unframer.read(size)
        if len(content) < size:
            raise EOFError
        return content

    def _marked(self) -> list[Any]:
        values: list[Any] = self.pop_mark()  # type: ignore[attr-defined]
        return values

    def find_class(self, module: str, name: str) -> StandIn:
        return StandIn(f"{module}.{name}")

    def persistent_load(self, pid: Any) -> object:
        """(tag, type of storage, key, place, number of elements, ...): what torch writes for a storage."""
        if not isinstance(pid, tuple) or len(pid) < 5 or pid[0] != "storage":
            return StandIn("storage")
        kind, key, numel = pid[1], pid[2], pid[4]
        if not isinstance(kind, StandIn) or type(numel) is not int or not 0 <= numel < 1 << 48:
            raise NotRead("its table of contents is damaged (values without a type)")
        dtype = STORAGES.get(kind.name.rpartition(".")[2])
        return StandIn(kind.name) if dtype is None else Storage(str(key), dtype, numel)

    def _reduce(self) -> None:
        arguments = self.stack.pop()
        self.stack[-1] = _made(self.stack[-1], _tuple(arguments))

    def _new(self) -> None:
        arguments = self.stack.pop()
        self.append(_made(self.stack.pop(), _tuple(arguments)))

    def _new_with_keywords(self) -> None:
        self.stack.pop()
        self._new()

    def _instance(self) -> None:
        module, name = (self.readline()[:-1].decode("ascii") for _ in range(2))
        self.append(_made(self.find_class(module, name), tuple(self._marked())))

    def _object(self) -> None:
        arguments = self._marked()
        self.append(_made(arguments[0], tuple(arguments[1:])))

    def _build(self) -> None:
        state = self.stack.pop()
        if isinstance(self.stack[-1], StandIn):
            self.stack[-1].state = state

    def _extension(self) -> None:
        raise NotRead("its table of contents is damaged (an extension)")

    def _append(self) -> None:
        value = self.stack.pop()
        self._extend([value])

    def _appends(self) -> None:
        self._extend(self._marked())

    def _extend(self, values: list[object]) -> None:
        if type(self.stack[-1]) is list:
            self.stack[-1].extend(values)

    def _set_item(self) -> None:
        value = self.stack.pop()
        key = self.stack.pop()
        self._fill([key, value])

    def _set_items(self) -> None:
        self._fill(self._marked())

    def _fill(self, items: list[object]) -> None:
        target = self.stack[-1]
        if isinstance(target, dict):
            target.update(_pairs(items))

    def _dictionary(self) -> None:
        self.append(_pairs(self._marked()))

    def _add_items(self) -> None:
        values = self._marked()
        if type(self.stack[-1]) is set:
            self.stack[-1].update(map(_key, values))

    def _frozen_set(self) -> None:
        self.append(frozenset(map(_key, self._marked())))

    def _byte_array(self) -> None:
        self.append(bytearray(self._counted_read(int.from_bytes(self._counted_read(8), "little"))))

    dispatch |= {
        pickle.REDUCE[0]: _reduce,
        pickle.NEWOBJ[0]: _new,
        pickle.NEWOBJ_EX[0]: _new_with_keywords,
        pickle.INST[0]: _instance,
        pickle.OBJ[0]: _object,
        pickle.BUILD[0]: _build,
        pickle.EXT1[0]: _extension,
        pickle.EXT2[0]: _extension,
        pickle.EXT4[0]: _extension,
        pickle.APPEND[0]: _append,
        pickle.APPENDS[0]: _appends,
        pickle.SETITEM[0]: _set_item,
        pickle.SETITEMS[0]: _set_items,
        pickle.DICT[0]: _dictionary,
        pickle.ADDITEMS[0]: _add_items,
        pickle.FROZENSET[0]: _frozen_set,
        pickle.BYTEARRAY8[0]: _byte_array,
    }


def _pairs(items: list[object]) -> dict[object, object]:
    return {_key(items[place]): items[place + 1] for place in range(0, len(items) - 1, 2)}


def _key(value: object) -> object:
    """A key as it is; hashing nested tuples could take for ever, and a tensor's own hash is nobody's key."""
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, tuple) and len(value) <= 16 and all(isinstance(part, _PLAIN) for part in value):
        return value
    return id(value)
