# SPDX-License-Identifier: MIT
"""What the contract says of a part of the tree that one process has for itself: for every operation
the errnos it may end with (0 is success), and what is there afterwards.

A model knows clusters of one nodearray, "execute", as fs-host makes them. It is told of an operation
before it is tried (its verdict), and of a success afterwards (the verdict's `done`).
"""
import errno
import re

DOCUMENTS = ("template", "parameters")
CLUSTER_VALUES = ("state", "control")
CLUSTER_READ_ONLY = ("parameters.schema", "definition", "definition.origin", "plan", "status",
                     "status.json", "metrics", "logs", "events", "usage", "alerts", "error")
NODE_READ_ONLY = ("status", "phase", "array", "machine_type", "hostname", "private_ip",
                  "attributes", "logs", "console", "last_seen")
ARRAY_READ_ONLY = ("cores", "machine_type", "buckets", "attributes")
ROOT_FILES = {"README", "status", "events", "logs", "metrics", "last_error"}
RESERVED_LATER = {"error", "control", "alerts", "usage", "groups", "nodes", "clusters", "jobs",
                  "accounts", "api"}
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}\Z")
SCRATCH = re.compile(r"(\..*\.sw.|.*~|4913|\.#.*|sed.{6}|.*\.lock)\Z", re.DOTALL)
NODES_MAX = 50000  # fs-host's quota
SCRATCH_MAX = 4 << 20
DOCUMENT_MAX = 4 << 20
NAME_BYTES_MAX = 255
VALUE_BYTES_MAX = 4096


class Refused(Exception):
    """The errnos one of which an operation ends with."""

    def __init__(self, *errnos):
        super().__init__(errnos)
        self.errnos = set(errnos)


class Verdict:
    """What an operation may end with; done() is called when it succeeded. `place` is what it read."""

    def __init__(self, *errnos, done=None, place=None):
        self.errnos = set(errnos)
        self.done = done or (lambda: None)
        self.place = place


class Scratch:
    def __init__(self, text=b"", target=None):
        self.text = text
        self.target = target


class Cluster:
    def __init__(self, mode):
        self.mode = mode
        self.documents = {"template": b"", "parameters": b"{}\n"}
        self.hidden = set()  # documents whose name is free for some seconds: there or not
        self.scratch = {}
        self.nodes = set()
        self.terminated = set()  # nodes that a count does not count
        self.wanted = None  # how many nodes a write of a count has just asked for

    def forget_node(self, name):
        self.nodes.discard(name)
        self.terminated.discard(name)

    def children(self):
        return {*DOCUMENTS, *CLUSTER_VALUES, *CLUSTER_READ_ONLY, "arrays", "nodes", "volumes"}


class Place:
    """One thing of the tree: its kind, and where it is."""

    def __init__(self, kind, cluster=None, name="", parent=None):
        self.kind, self.cluster, self.name, self.parent = kind, cluster, name, parent

    @property
    def is_dir(self):
        return self.kind in ("root", "cluster", "arrays", "array", "array nodes", "nodes", "node",
                             "volumes")

    @property
    def scratch(self):
        return self.cluster.scratch[self.name]

    @property
    def is_link(self):
        return self.kind == "node link" or (self.kind == "scratch"
                                            and self.scratch.target is not None)

    def same(self, other):
        return (self.kind, self.cluster, self.name) == (other.kind, other.cluster, other.name)

    def holds(self, other):
        """True for a directory above another, or itself."""
        while other and not self.same(other):
            other = other.parent
        return other is not None


def cluster_name(name):
    return NAME.match(name) and name not in RESERVED_LATER


def child_kind(parent, name):
    """The kind of what has this name in a directory, or None."""
    cluster = parent.cluster
    if parent.kind == "cluster":
        if name in cluster.scratch:
            return "scratch"
        kinds = {"arrays": "arrays", "nodes": "nodes", "volumes": "volumes"}
        return kinds.get(name) or ("document" if name in DOCUMENTS else
                                   "value" if name in CLUSTER_VALUES else
                                   "read-only" if name in CLUSTER_READ_ONLY else None)
    if parent.kind == "arrays":
        return "array" if name == "execute" else None
    if parent.kind == "array":
        kinds = {"nodes": "array nodes", "count": "value", "max_count": "value"}
        return kinds.get(name) or ("read-only" if name in ARRAY_READ_ONLY else None)
    if parent.kind == "array nodes":
        return "node link" if name in cluster.nodes else None
    if parent.kind == "nodes":
        return "value" if name == "count" else "node" if name in cluster.nodes else None
    if parent.kind == "node":
        return ("value" if name in ("state", "keepalive") else
                "read-only" if name in NODE_READ_ONLY else None)
    return None


class Model:
    def __init__(self):
        self.clusters = {}

    # --- names ---

    def step(self, parent, name):
        """A directory's entry. Refused when there is none."""
        if len(name.encode()) > NAME_BYTES_MAX:
            raise Refused(errno.ENAMETOOLONG)
        if parent.kind == "root":
            if name in ROOT_FILES:
                return Place("read-only", None, name, parent)
            if name in self.clusters:
                return Place("cluster", self.clusters[name], name, parent)
            raise Refused(errno.ENOENT)
        kind = child_kind(parent, name)
        if not kind:
            raise Refused(errno.ENOENT)
        where = name
        if parent.kind in ("node", "nodes", "array"):
            where = f"{parent.name}/{name}"
        if kind == "node":
            where = name
        return Place(kind, parent.cluster, where, parent)

    def enter(self, place):
        """What a name in the middle of a path leads to."""
        if place.kind == "node link":
            cluster = place.parent.parent.parent.parent
            nodes = Place("nodes", place.cluster, "nodes", cluster)
            return Place("node", place.cluster, place.name, nodes)
        if place.is_link:
            raise Refused(errno.ENOENT)  # the targets of our links are nowhere
        if not place.is_dir:
            raise Refused(errno.ENOTDIR)
        return place

    def parent(self, parts):
        place = Place("root")
        for name in parts[:-1]:
            found = self.step(place, name)
            if found.kind == "document" and found.name in found.cluster.hidden:
                raise Refused(errno.ENOTDIR, errno.ENOENT)
            place = self.enter(found)
        return place

    def find(self, parts, follow=False):
        """The place of a path, and the errnos with which the finding may fail all the same."""
        place = self.step(self.parent(parts), parts[-1])
        if follow and place.is_link:
            place = self.enter(place)
        maybe = set()
        if place.kind == "document" and place.name in place.cluster.hidden:
            maybe.add(errno.ENOENT)
        return place, maybe

    def seen(self, place):
        """A document that was found is no longer hidden."""
        if place.kind == "document":
            place.cluster.hidden.discard(place.name)

    # --- reading ---

    def plain(self, parts, refuse=None, follow=False):
        """A verdict for operations that find a path and change nothing; refuse(place) -> errno."""
        place, maybe = self.find(parts, follow)
        code = refuse(place) if refuse else 0
        return Verdict(code, *maybe, done=lambda: self.seen(place), place=place)

    def readlink(self, parts):
        return self.plain(parts, lambda p: 0 if p.is_link else errno.EINVAL)

    def listing(self, parts):
        return self.plain(parts, lambda p: 0 if p.is_dir else errno.ENOTDIR, follow=True)

    def read(self, parts):
        return self.plain(parts, lambda p: errno.EISDIR if p.is_dir else 0, follow=True)

    def text(self, place):
        """What reading a place shows, or None when the contract leaves it open."""
        if place.kind == "document":
            return place.cluster.documents[place.name]
        if place.kind == "scratch":
            return place.scratch.text
        if place.kind == "value" and place.name.endswith("count") and "max" not in place.name:
            return b"%d\n" % len(place.cluster.nodes - place.cluster.terminated)
        return None

    def names(self, place):
        """(names that a listing must hold, names that it may hold)."""
        c = place.cluster
        if place.kind == "cluster":
            return c.children() - c.hidden | set(c.scratch), c.hidden
        if place.kind == "nodes":
            return {"count"} | c.nodes, set()
        if place.kind == "array nodes":
            return set(c.nodes), set()
        if place.kind == "arrays":
            return {"execute"}, set()
        if place.kind == "volumes":
            return set(), set()
        return set(), None

    # --- values and documents ---

    def value(self, place, text):
        """What writing a value gives, and its effect."""
        words = text.split()
        name = place.name.rsplit("/", 1)[-1]
        cluster = place.cluster
        if not text:
            return Verdict(0)
        if len(text) > VALUE_BYTES_MAX:
            return Verdict(errno.E2BIG)
        if b"\0" in text or not words:
            return Verdict(errno.EINVAL)
        if name == "count":
            return self.count(cluster, words, alone=place.parent.kind == "array")
        if name == "control" and all(line.lstrip().startswith(b"#") for line in text.splitlines()
                                     if line.strip()):
            return Verdict(0)  # comments are no command
        known = {"state": (b"started", b"terminated"),
                 "keepalive": (b"true", b"false", b"1", b"0")}
        good = len(words) == 1 and words[0] in known.get(name, ())

        def done():
            if name == "state" and place.parent.kind == "node":
                change = {b"started": set.discard, b"terminated": set.add}[words[0]]
                change(cluster.terminated, place.parent.name)
        return Verdict(0 if good else errno.EINVAL, done=done)

    def count(self, cluster, words, alone):
        if words == [b"%d" % len(cluster.nodes - cluster.terminated)]:
            return Verdict(0)  # what it reads: nothing changes
        match = re.match(rb"(execute=)?([+-]?)(\d+)\Z", words[0])
        if len(words) > 1 or not match or (match[1] and alone):
            return Verdict(errno.EINVAL)
        number = int(match[3])
        have = len(cluster.nodes)
        want = {b"": number, b"+": have + number, b"-": have - number}[match[2]]
        if want < 0:
            return Verdict(errno.ERANGE)
        if want > NODES_MAX:
            return Verdict(errno.EDQUOT)
        return Verdict(0, done=lambda: setattr(cluster, "wanted", want))

    def document_text(self, place, text):
        """What storing a whole text gives."""
        if text == place.cluster.documents[place.name]:
            return Verdict(0)
        if b"nonsense" in text or b"\0" in text or not text:
            return Verdict(errno.EINVAL)
        if place.name == "parameters" and re.fullmatch(rb"(\s|[#!][^\n]*(\n|$))*", text):
            return Verdict(errno.EINVAL)  # it gives no value
        shown = text
        if place.name == "parameters" and not text.endswith(b"\n"):
            shown = text + b"\n" if text else b"{}\n"
        return Verdict(0, done=lambda: place.cluster.documents.update({place.name: shown}))

    def write(self, parts, flags, text, offset):
        """open(2) with these flags (a set of "creat", "excl", "trunc", "append"), pwrite(2), close(2)."""
        try:
            place, maybe = self.find(parts)
        except Refused as r:
            if errno.ENOENT not in r.errnos or "creat" not in flags:
                raise
            return self.create(parts, text, offset)
        if "excl" in flags:  # a hidden document's name is free
            if not maybe:
                return Verdict(errno.EEXIST)
            inner = self.write_document(place, flags | {"trunc"}, text, offset)
            return Verdict(errno.EEXIST, *inner.errnos, done=inner.done)
        if place.is_link:
            to = errno.EPERM if "creat" in flags else errno.ENOENT
            return Verdict(errno.EISDIR if place.kind == "node link" else to)
        if place.is_dir:
            return Verdict(errno.EISDIR)
        if place.kind == "read-only":
            return Verdict(errno.EACCES)
        if place.kind == "value":
            return self.value(place, text)
        if place.kind == "scratch":
            return self.write_scratch(place, flags, text, offset)
        found = self.write_document(place, flags, text, offset)
        if maybe and "creat" in flags:  # begun empty, or opened as it was
            empty = self.write_document(place, flags | {"trunc"}, text, offset)
            return Verdict(*found.errnos, *empty.errnos, done=lambda: self.reread(place))
        return Verdict(*found.errnos, *maybe, done=found.done)

    def reread(self, place):
        """Which of two texts is in force has to be looked up."""
        self.seen(place)
        place.cluster.documents[place.name] = None

    def create(self, parts, text, offset):
        parent = self.parent(parts)
        name = parts[-1]
        if parent.kind != "cluster" or not SCRATCH.match(name):
            return Verdict(errno.EPERM)
        made = Place("scratch", parent.cluster, name, parent)

        def done():
            parent.cluster.scratch[name] = Scratch()
            self.write_scratch(made, set(), text, offset).done()
        too_far = offset + len(text) > SCRATCH_MAX and text
        if too_far:  # it is made all the same
            parent.cluster.scratch[name] = Scratch()
        return Verdict(errno.EFBIG if too_far else 0, done=done)

    def overlay(self, old, flags, text, offset):
        if "trunc" in flags:
            old = b""
        if "append" in flags:
            offset = len(old)
        return old.ljust(offset, b"\0")[:offset] + text + old[offset + len(text):]

    def write_scratch(self, place, flags, text, offset):
        scratch = place.scratch
        if text and offset + len(text) > SCRATCH_MAX and "append" not in flags:
            if "trunc" in flags:
                scratch.text = b""
            return Verdict(errno.EFBIG)

        def done():
            if text or "trunc" in flags:
                scratch.text = self.overlay(scratch.text, flags, text, offset) if text else b""
        return Verdict(0, done=done)

    def write_document(self, place, flags, text, offset):
        if not text:
            return Verdict(0, done=lambda: self.seen(place))
        if offset + len(text) > SCRATCH_MAX and "append" not in flags:
            return Verdict(errno.EFBIG)
        old = place.cluster.documents[place.name]
        verdict = self.document_text(place, self.overlay(old, flags, text, offset))
        store = verdict.done

        def done():
            self.seen(place)
            store()
        return Verdict(*verdict.errnos, done=done)

    def truncate(self, parts, size):
        place, maybe = self.find(parts, follow=True)
        if place.is_dir:
            return Verdict(errno.EISDIR)
        if place.kind == "read-only":
            return Verdict(errno.EACCES)
        if place.kind == "scratch" and size > SCRATCH_MAX:
            return Verdict(errno.EFBIG)
        if place.kind == "document":
            return self.truncate_document(place, maybe, size)

        def done():
            self.seen(place)
            if place.kind == "scratch":
                place.scratch.text = place.scratch.text.ljust(size, b"\0")[:size]
        return Verdict(0, *maybe, done=done)

    def truncate_document(self, place, maybe, size):
        old = place.cluster.documents[place.name]
        too_large = size > DOCUMENT_MAX
        verdict = Verdict(errno.EFBIG) if too_large else \
            self.document_text(place, old.ljust(size, b"\0")[:size])

        def done():
            self.seen(place)
            verdict.done()
        return Verdict(*verdict.errnos, *maybe, done=done)

    # --- names that come and go ---

    def taken(self, parts):
        """The verdict on making what is there already; None: the name is free."""
        try:
            _, maybe = self.find(parts)
        except Refused as r:
            if r.errnos != {errno.ENOENT}:
                raise
            return None
        return Verdict(errno.EEXIST, *({errno.EPERM} if maybe else ()))

    def mkdir(self, parts, mode):
        parent, name = self.parent(parts), parts[-1]
        taken = self.taken(parts)
        if taken:
            return taken
        if parent.kind == "root":
            def made():
                self.clusters[name] = Cluster(mode & 0o755)
            return Verdict(0 if cluster_name(name) else errno.EINVAL, done=made)
        if parent.kind == "nodes":
            return Verdict(0 if NAME.match(name) else errno.EINVAL,
                           done=lambda: parent.cluster.nodes.add(name))
        return Verdict(errno.EPERM)

    def rmdir(self, parts):
        place, maybe = self.find(parts)
        if not place.is_dir:
            return Verdict(errno.ENOTDIR, *maybe)
        if place.kind == "cluster":
            return Verdict(errno.EBUSY if place.cluster.nodes else 0,
                           done=lambda: self.clusters.pop(place.name))
        if place.kind == "node":
            return Verdict(0, done=lambda: place.cluster.forget_node(place.name))
        return Verdict(errno.EPERM)

    def unlink(self, parts):
        place, maybe = self.find(parts)
        if place.is_dir:
            return Verdict(errno.EISDIR)
        if place.kind == "document":
            return Verdict(0, *maybe, done=lambda: place.cluster.hidden.add(place.name))
        if place.kind == "scratch":
            return Verdict(0, done=lambda: place.cluster.scratch.pop(place.name))
        return Verdict(errno.EPERM)

    def symlink(self, parts, target):
        parent, name = self.parent(parts), parts[-1]
        taken = self.taken(parts)
        if taken:
            return taken
        if parent.kind != "cluster" or not SCRATCH.match(name):
            return Verdict(errno.EPERM)
        return Verdict(0, done=lambda: parent.cluster.scratch.update(
            {name: Scratch(target=target)}))

    def link(self, parts, new):
        wrong = set()
        for path in (parts, new):
            try:
                self.find(path)
                if path is new:
                    wrong.add(errno.EEXIST)
            except Refused as r:
                if path is parts or errno.ENOENT not in r.errnos:
                    wrong |= r.errnos
        try:
            self.parent(new)
        except Refused as r:
            wrong |= r.errnos
        return Verdict(*(wrong or {errno.EPERM}), *self.maybe_hidden(parts, new))

    def maybe_hidden(self, *paths):
        """What may happen as well because a document is hidden."""
        for parts in paths:
            try:
                if self.find(parts)[1]:
                    return {errno.ENOENT, errno.EPERM, errno.EEXIST}
            except Refused:
                pass
        return set()

    def chmod(self, parts, mode, now):
        place, maybe = self.find(parts, follow=True)
        if place.kind == "cluster":
            return Verdict(0, done=lambda: setattr(place.cluster, "mode", mode & 0o777))
        if place.kind == "scratch" or mode == now:
            return Verdict(0, *maybe, done=lambda: self.seen(place))
        return Verdict(errno.EPERM, *maybe)

    def rename(self, parts, new):
        wrong = set()
        try:
            source, maybe = self.find(parts)
        except Refused as r:
            source, maybe = None, set()
            wrong |= r.errnos
        to_dir = target = None
        try:
            to_dir = self.parent(new)
            target, also = self.find(new)
            maybe = maybe | also
        except Refused as r:
            if not to_dir or r.errnos != {errno.ENOENT}:
                wrong |= r.errnos
        if source and to_dir and source.holds(to_dir):
            wrong.add(errno.EINVAL)
        if target and source and target.holds(source.parent):
            wrong.add(errno.ENOTEMPTY)
        if wrong:
            return Verdict(*wrong, *maybe)
        if target and target.same(source):
            return Verdict(0, *maybe)
        if maybe:
            return self.rename_hidden(source, target, to_dir, new[-1])
        if target and source.is_dir != target.is_dir:
            return Verdict(errno.ENOTDIR if source.is_dir else errno.EISDIR)
        return self.rename_found(source, target, to_dir, new[-1])

    def rename_hidden(self, source, target, to_dir, name):
        """One of both names is a document that may be hidden."""
        verdict = self.rename_found(source, target, to_dir, name)
        if source.kind == "scratch" and target and target.kind == "document":
            return verdict  # onto a hidden document is onto the document
        return Verdict(*verdict.errnos, errno.ENOENT, errno.EPERM, errno.EXDEV, errno.EISDIR,
                       errno.ENOTDIR, done=verdict.done)

    def rename_found(self, source, target, to_dir, name):
        free = target is None or target.kind == "scratch"
        scratch_name = to_dir.kind == "cluster" and bool(SCRATCH.match(name))
        if source.kind == "cluster":
            return self.rename_cluster(source, target, to_dir, name)
        if source.kind == "document":
            if to_dir.cluster is not source.cluster or to_dir.kind != "cluster":
                return Verdict(errno.EXDEV)
            if not (free and scratch_name):
                return Verdict(errno.EPERM)

            def aside():
                source.cluster.scratch[name] = Scratch(source.cluster.documents[source.name])
                source.cluster.hidden.add(source.name)
            return Verdict(0, done=aside)
        if source.kind != "scratch":
            return Verdict(errno.EPERM)
        if target and target.kind == "document" and not source.is_link:
            return self.replace(source, target)
        if not (free and scratch_name):
            return Verdict(errno.EPERM)

        def moved():
            to_dir.cluster.scratch[name] = source.cluster.scratch.pop(source.name)
        return Verdict(0, done=moved)

    def replace(self, source, target):
        verdict = self.document_text(target, source.scratch.text)
        store = verdict.done

        def done():
            store()
            self.seen(target)
            source.cluster.scratch.pop(source.name)
        return Verdict(*verdict.errnos, done=done)

    def rename_cluster(self, source, target, to_dir, name):
        if to_dir.kind != "root":
            return Verdict(errno.EPERM)
        if target:
            return Verdict(errno.EEXIST, errno.ENOTEMPTY)

        def done():
            self.clusters[name] = self.clusters.pop(source.name)
        return Verdict(0 if cluster_name(name) else errno.EINVAL, done=done)
