"""What folders above images mean: which level names the class and which the part, read from what repeats below them.

A class is what repeats below several folders; parts are folders called train, test or alike that hold the same classes.
The first folder is the class where nothing else is said by the structure. Where two readings fit, both are told, and
nothing is guessed.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from tasks.errors import InputError
from tasks.ingest.wording import first_few, quoted, yaml_text

PART_WORDS = {  # what people call the parts, in lower case
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
NONE = "none"  # for a folder beside the parts that is left out
CLASS = "class"  # for a folder that is no part
CONTAINERS = {"images", "image", "imgs", "img", "data", "photos", "pictures", "pics", "files", "jpg", "jpeg", "png"}
ANNOTATIONS = {  # folders beside pictures that hold what is known of them, letters only
    *("annotation", "annotations", "label", "labels", "mask", "masks", "groundtruth", "gt", "segmentation", "bboxes"),
    *("segmentationclass", "segmentationobject", "trimaps", "thumbnails", "heatmaps"),
}
PERSONS = re.compile(r"(?i)patient|subject|case|person|slide|plate|video|clip|batch|fold|site|station|camera|images?_")
YAML_WORDS = {"yes", "no", "true", "false", "null", "on", "off"}  # that are no text in YAML
REPEATED = 0.5  # of the folders above that hold a name, on average: then it repeats below them
TIMES = 3  # or: so many folders above a name, on average
MOST_CLASSES = 1000

Folders = tuple[str, ...]


@dataclass(frozen=True)
class Place:
    """What the folders of one image say: its class and part; None where they say nothing."""

    label: str | None
    part: str | None = None


@dataclass(frozen=True)
class Layout:
    """How the folders of a dataset were read.

    Attributes
    ----------
    places
        By path, what its folders say; what is left out is missing.
    sentences
        What was concluded, for people; empty where the first folder is the class and that is all.
    left_out
        Paths in folders of which the user said that they are no part.
    """

    places: dict[str, Place]
    sentences: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def read_layout(
    paths: Sequence[str], level: int = 0, parts: Mapping[str, str] | None = None, known: Collection[str] = ()
) -> Layout:
    """Read what the folders of images mean.

    Parameters
    ----------
    paths
        Of the images, with forward slashes, below the dataset's folder.
    level
        The folder that names the class, 1 the first, where folders that hold all images and those of the parts are not
        counted; 0 to find it.
    parts
        Names of folders: the part that they are (train, val, test), none for a folder to be left out, or class where
        folders that look like parts are classes.
    known
        Classes that are known already: folders of these names are classes.

    Raises
    ------
    InputError
        Two readings fit, or a folder beside the parts may be any of them; both readings, and what to write. Or there
        are folders of parts, and none of classes.
    """
    parts = dict(parts or {})
    folders = {path: tuple(path.split("/")[:-1]) for path in paths}
    inside, sentences = _without_common(folders, known, level)
    part_level = None if CLASS in parts.values() else _part_level(inside.values(), parts, known)
    part_of: dict[str, str] = {}
    left_out: list[str] = []
    folder_of: dict[str, str] = {}  # that says the part
    if part_level is not None:
        folder_of = {path: chain[part_level] for path, chain in inside.items() if len(chain) > part_level}
        part_of, left_out, inside = _take_parts(inside, part_level, parts)
    if level == 0:
        if part_level is None and CLASS not in parts.values():
            _check_classes_in_parts(inside.values(), known)
            _check_annotations(inside.values(), known)
        level, found = _class_level(inside, known)
        sentences += found
    places = {}
    for path, chain in inside.items():
        label = chain[level - 1] if len(chain) >= level else None
        places[path] = Place(label, part_of.get(path) if label is not None else None)
    if part_level is not None:
        said = {place.part for place in places.values() if place.part}
        if said == {"train"}:  # then nothing was held out, and a test part has to be drawn
            places = {path: Place(place.label) for path, place in places.items()}
        sentences.append(_parts_told(places, folder_of))
    return Layout(places, sentences, left_out)


def part_named(name: str, parts: Mapping[str, str]) -> str | None:
    """The part that a folder's name or a word in a table says: ``seg_train``, ``Test2017``; None where none, or two."""
    if name in parts:
        return parts[name]
    words = re.findall(r"[a-z]+|[A-Z][a-z]+|[A-Z]+(?![a-z])", name)
    said = {PART_WORDS[word.lower()] for word in words if word.lower() in PART_WORDS}
    return said.pop() if len(said) == 1 else None


def _without_common(
    folders: Mapping[str, Folders], known: Collection[str], level: int
) -> tuple[dict[str, Folders], list[str]]:
    """The folders below the one, or ones, in which all images lie, if several lie there."""
    chains = set(folders.values())
    depth = 0
    deep = max(level, 1)  # folders that must be left
    while all(len(chain) > depth + deep for chain in chains) and len({chain[depth] for chain in chains}) == 1:
        depth += 1
    first = next(iter(chains))[:depth] if depth else ()
    several = len({chain[depth] for chain in chains if len(chain) > depth}) > 1
    if not depth or not (several or level) or first[-1] in known:
        return dict(folders), []
    return (
        {path: chain[depth:] for path, chain in folders.items()},
        [f"all images lie in {'/'.join(first)}, so what lies in it counts"],
    )


def _part_level(chains: Collection[Folders], parts: Mapping[str, str], known: Collection[str]) -> int | None:
    """The level whose folders are parts, from 0; None where none is."""
    deepest = max(map(len, chains), default=0)
    for at in range(min(deepest, 3)):
        below: defaultdict[str, set[str]] = defaultdict(set)
        for chain in chains:
            if len(chain) > at:
                below[chain[at]] |= set(chain[at + 1 :])
        said = {name: part for name in below if (part := part_named(name, parts))}
        if any(name in parts for name in below) and at == 0:
            return at
        if "train" not in said.values() and not (len(said) > 1 and len(said) == len(below)):
            continue
        if at > 0:
            if len(said) == len(below) and len(set(said.values())) > 1:
                return at
            continue
        train = set().union(*(below[name] for name, part in said.items() if part == "train"))
        others = [name for name in below if said.get(name) != "train"]
        if not train or set(below) & set(known):
            continue
        classes = set().union(*(below[name] for name in said))  # of all parts, since training may lack one
        alike = [name for name in others if name in said or below[name] & train]
        if alike and all(name in alike or below[name] & classes or not below[name] for name in others):
            return at
    return None


def _take_parts(
    inside: Mapping[str, Folders], at: int, parts: Mapping[str, str]
) -> tuple[dict[str, str], list[str], dict[str, Folders]]:
    """The part of each image, what is left out, and the folders without those of the parts."""
    names = Counter(chain[at] for chain in inside.values() if len(chain) > at)
    deep = {chain[at] for chain in inside.values() if len(chain) > at + 1}
    unsaid = [name for name in sorted(deep) if part_named(name, parts) is None]
    if unsaid:
        of = ", ".join(
            f"{name} ({part_named(name, parts) or '?'}, {number:,} images)" for name, number in sorted(names.items())
        )
        lines = "".join(
            f"\n  --set {is_part(unsaid[0], part)}    {meaning}"
            for part, meaning in (
                ("test", "held out, looked at once"),
                ("val", "the validation fold"),
                ("train", "more training images"),
                (NONE, "left out"),
            )
        )
        raise InputError(
            f"the folders {of} hold the same classes, so they seem to be parts of the dataset, but what {unsaid[0]!r} "
            f"is, its name doesn't say; say it:{lines}\nor, if these folders are the classes:\n"
            f"  --set {is_part(unsaid[0], CLASS)} --set ingest.class_level=1"
        )
    part_of, left_out, rest = {}, [], {}
    for path, chain in inside.items():
        part = part_named(chain[at], parts) if len(chain) > at else None
        if part == NONE:
            left_out.append(path)
            continue
        below = chain[:at] + chain[at + 1 :] if len(chain) > at and (part or chain[at] in deep) else ()
        if len(chain) > at + 1 and at == 0 and (below[0] == chain[at] or part_named(below[0], {}) == part):
            below = below[1:]  # seg_train/seg_train/<class>
        rest[path] = below
        if part:
            part_of[path] = part
    firsts: defaultdict[str, set[str]] = defaultdict(set)  # of each folder of a part
    for path, chain in rest.items():
        if path in part_of and chain:
            firsts[inside[path][at]].add(chain[0])
    for path, chain in rest.items():
        if path in part_of and chain and len(firsts[inside[path][at]]) == 1 and chain[0].lower() in CONTAINERS:
            rest[path] = chain[1:]  # train/images/<class>, test/images
    return part_of, left_out, rest


def is_part(folder: str, part: str) -> str:
    """What is to be set for a folder, or a word in a table, to be a part, as a shell takes it."""
    return quoted(f"ingest.parts={{{_key(folder)}: {part}}}")


def _key(folder: str) -> str:
    """A folder's name as YAML has it before a colon."""
    plain = re.fullmatch(r"[A-Za-z][\w-]*( [\w-]+)*", folder) and folder.lower() not in YAML_WORDS
    return folder if plain else yaml_text(folder)


def _check_classes_in_parts(chains: Collection[Folders], known: Collection[str]) -> None:
    """Refuse folders called train, test or alike that hold images and no folders: their classes stand elsewhere."""
    names = sorted({chain[0] for chain in chains if chain})
    rests: defaultdict[str | None, set[str]] = defaultdict(set)  # of each part, what its folders are called beside it
    for name in names:
        rest = re.sub("|".join(sorted(PART_WORDS, key=len, reverse=True)), "", name.lower(), count=1)
        rests[part_named(name, {})].add(re.sub(r"[\W\d_]+", "", rest))
    flat = all(len(chain) <= 1 for chain in chains) and not set(names) & set(known)
    alike = len(rests) > 1 and all(rest & rests.get("train", set()) for rest in rests.values())
    if flat and alike and None not in rests:
        raise InputError(
            f"the folders {first_few(names, 6)} are called like parts of a dataset, but hold no folders of classes: "
            "put the images of each class into a folder with its name below each of them, or give a table with the "
            "columns path, label and part; if these folders are the classes:\n"
            f"  --set {is_part(names[0], CLASS)}"
        )


def _check_annotations(chains: Collection[Folders], known: Collection[str]) -> None:
    """Refuse folders of pictures beside folders of masks or the like, which are no classes."""
    images = Counter(chain[0] for chain in chains if chain)
    bare = {name: re.sub(r"[\W\d_]+", "", name).lower() for name in images}
    aside = [name for name in sorted(images) if bare[name] in ANNOTATIONS]
    pictures = [name for name in sorted(images) if bare[name] in CONTAINERS | {"jpegimages"}]
    if not aside or not pictures or len(aside) + len(pictures) < len(images) or set(images) & set(known):
        return
    deep = {chain[0] for chain in chains if len(chain) > 1}
    of = ", ".join(f"{name} {number:,}" for name, number in sorted(images.items()))
    if set(pictures) <= deep:
        pairs = ", ".join(f"{_key(name)}: {'train' if name in pictures else NONE}" for name in sorted(images))
        what = f"to read the classes below {', '.join(pictures)} and leave the others out:\n  --set " + quoted(
            f"ingest.parts={{{pairs}}}"
        )
    else:
        what = (
            "Equipoise reads no boxes, masks or files of annotations: put the images of each class into a folder with "
            "its name, or give a table with the columns path and label"
        )
    raise InputError(
        f"the folders {of} are called like pictures and annotations, not like classes; {what}\n"
        f"or, if these folders are the classes:\n  --set {is_part(aside[0], CLASS)} --set ingest.class_level=1"
    )


def _class_level(inside: Mapping[str, Folders], known: Collection[str]) -> tuple[int, list[str]]:
    """The level that names the class, from 1, and what to say of it."""
    chains = list(inside.values())
    top = Counter(chain[0] for chain in chains if chain)
    repeating = {at: names for at in range(2, 5) if (names := _repeating(chains, at))}
    if set(top) & set(known) or len(top) < 2:
        return 1, []
    coded = looks_like_codes(top)
    if not repeating and coded and (names := _repeating(chains, 2, may_be_codes=True)):
        repeating = {2: names, 3: Counter()}  # 8863/0, 8863/1, 8864/0, ...: patients and classes, or the reverse
    if not repeating:
        if coded and all(map(PERSONS.search, top)):
            raise InputError(
                f"the folders {first_few(sorted(top))} look like patients, batches or the like, not like classes, and "
                "hold no folders of classes: give a table with the columns path and label; or, if they are the "
                "classes:\n  --set ingest.class_level=1"
            )
        return 1, _finer(chains, top)
    readings = {at: names for at, names in {1: top, **repeating}.items() if names}
    if not coded and 2 not in repeating:
        return 1, []  # class/patient/view: what repeats deeper down is told by the page of what was found
    if coded and len(repeating) == 1:
        at, names = next(iter(repeating.items()))
        if len(top) > 2 * len(names) or at > 2:
            said = first_few(sorted(names), 5)
            return at, [f"folder {at} names the class ({said}), because it repeats below {first_few(sorted(top), 2)}"]
    told = "".join(
        f"\n  --set ingest.class_level={at}    {len(names):,} classes: "
        + first_few([f"{name} {number:,}" for name, number in sorted(names.items())], 6)
        for at, names in readings.items()
    )
    raise InputError(f"two readings fit the folders; say which level names the class:{told}{_masks_told(chains)}")


def _masks_told(chains: Sequence[Folders]) -> str:
    """The line that leaves out folders of masks beside parts, if there are any."""
    for at in range(1, 3):
        names = {chain[at] for chain in chains if len(chain) > at}
        masks = [name for name in sorted(names) if re.sub(r"[\W\d_]+", "", name).lower() in ANNOTATIONS]
        if masks and any(part_named(name, {}) == "train" for name in names):
            return f"\nif {masks[0]} holds masks, leave them out first:\n  --set {is_part(masks[0], NONE)}"
    return ""


def _finer(chains: Sequence[Folders], top: Counter[str]) -> list[str]:
    """A sentence on folders below those of the classes that have names of their own: they may be the classes."""
    below = Counter(chain[1] for chain in chains if len(chain) > 1)
    if len(below) <= len(top) or below.total() < len(chains) or looks_like_codes(below) or len(below) > MOST_CLASSES:
        return []
    said = first_few(sorted(below), 3)
    return [f"the first folder is the class; if the second is ({said}): --set ingest.class_level=2"]


def _repeating(chains: Sequence[Folders], at: int, may_be_codes: bool = False) -> Counter[str]:
    """Names of the folders at a level, with their images, if they repeat below the folders above; else nothing."""
    reaching = [chain for chain in chains if len(chain) >= at]
    names = Counter(chain[at - 1] for chain in reaching)
    above = defaultdict(set)
    for chain in reaching:
        above[chain[at - 1]].add(chain[: at - 1])
    parents = {chain[: at - 1] for chain in reaching}
    if not 2 <= len(names) <= MOST_CLASSES or len(parents) < 2 or len(reaching) < len(chains) / 2:
        return Counter()
    times = sum(len(one) for one in above.values()) / len(names)
    if (looks_like_codes(names) and not may_be_codes) or (times < REPEATED * len(parents) and times < TIMES):
        return Counter()
    return names if times > 1 else Counter()


def looks_like_codes(names: Collection[str]) -> bool:
    """Whether names differ by a number or one last letter only: ``Q07``, ``patient_12``, ``siteA``, ``2021-03-04``."""
    bare = {re.sub(r"\d+", "0", name) for name in names}
    lettered = {re.sub(r"(?<=[a-z_ -])[A-Z]$", "", name) for name in names}
    coded = {re.sub(r"^[A-Za-z]{1,2}(?=[_-]?0$)", "", name) for name in bare}
    return len(names) > 1 and (len(bare) == 1 or len(lettered) == 1 or coded == {"0"} or all(map(_is_hash, names)))


def _is_hash(name: str) -> bool:
    return len(name) >= 8 and bool(re.fullmatch(r"[0-9a-fA-F-]+", name)) and any(sign.isdigit() for sign in name)


def _parts_told(places: Mapping[str, Place], folder_of: Mapping[str, str]) -> str:
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for path, place in places.items():
        if place.part:
            counts[place.part][folder_of[path]] += 1
    said = []
    for part in (part for part in ("train", "val", "test") if part in counts):
        of = ", ".join(f"{name} {number:,}" for name, number in sorted(counts[part].items()))
        said.append(f"{part} {counts[part].total():,}" + (f" ({of})" if len(counts[part]) > 1 else ""))
    told = ", ".join(said) or "but only that of training has classes, so none is given"
    classless = Counter(folder_of[path] for path, place in places.items() if place.label is None and path in folder_of)
    of = first_few([f"{name} {number:,}" for name, number in sorted(classless.items())], 5)
    tail = f"; images in them without a class folder count as unlabelled: {of}" if classless else ""
    return f"the folders are parts: {told}{tail}"
