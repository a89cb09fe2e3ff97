"""Tables as people have them: other systems' paths, other encodings, Excel's sheets, rows that can't be used."""

import shlex
import zipfile

import pytest
from image_tables import FILES, PARTS_TEXT, WRITTEN, labels, listed, refused

from tasks.errors import InputError
from tasks.ingest.columns import Columns
from tasks.ingest.table import read_sources


@pytest.mark.parametrize(
    ("rows", "note"),
    [
        (["a/0.png", "./a//1.png", "b/2.PNG", "b/3.jpg"], None),
        ([r"a\0.png", r"a\1.png", r"b\2.PNG", r"b\3.jpg"], r"4 paths were found with / for \\"),
        (["A/0.PNG", "a/1.png", "b/2.png", r"B\3.JPG"], "3 paths were found whatever the case"),
        (["a/0", "a/1", "b/2", "b/3"], "4 paths were found without the ending"),
        (["b/../a/0.png", "./a/../a/1.png", "b//2.PNG", "b/3.jpg"], None),
        (["'a/0.png'", "'a/1.png'", "b/2.PNG", "b/3.jpg"], "2 paths were found without the quotes around them"),
        (["0.png", "1", "2.png", "3"], "4 paths were found in folders below"),
    ],
)
def test_paths_are_found_as_other_systems_write_them(tmp_path, rows, note):
    lines = [f"{row},{label}" for row, label in zip(rows, "xxyy", strict=True)]
    found = listed(tmp_path, "path,label\n" + "\n".join(lines))
    assert labels(found) == WRITTEN
    assert [one for one in found.notes if note and note.replace("\\\\", "\\") in one] == found.notes


def test_a_path_that_may_mean_several_files_is_not_there(tmp_path):
    files = ["a/0.png", "a/0.jpg", "B/x.png", "b/X.png"]
    said = refused(tmp_path, "path,label\na/0,x\nb/x.PNG,y\n", files=files)
    assert "names 2 files that are not there: 'a/0' (row 2), 'b/x.PNG' (row 3)" in said


def test_a_file_in_a_folder_below_does_not_stand_in_for_one_that_is_missing(tmp_path):
    files = ["0.png", "1.png", "small/0.png", "small/2.png"]
    assert "'2.png' (row 4)" in refused(tmp_path, "path,label\n0.png,x\n1.png,x\n2.png,y\n", files=files)
    assert "'0.png' (row 2)" in refused(tmp_path, "path,label\n0.png,x\n", files=["a/0.png", "b/0.png"])


@pytest.mark.parametrize(
    "prefix",
    [
        *("/home/ann/photos", "C:\\Users\\ann\\photos", "photos/of/ann", "\\\\server\\photos of ann", "/of/ann's/.."),
        *("https://example.org/photos", "gs://bucket", "file:///home/ann", "../photos"),
    ],
)
def test_paths_of_another_machine_get_the_option_that_finds_them(tmp_path, prefix):
    separator = "\\" if "\\" in prefix else "/"
    rows = [f"{prefix}/{path}".replace("/", separator) if separator == "\\" else f"{prefix}/{path}" for path in FILES]
    text = "path,label\n" + "".join(f"{row},{label}\n" for row, label in zip(rows, "xxyy", strict=True))
    said = refused(tmp_path, text)
    assert "4 of them are here: add --strip '" in said
    _, offered = shlex.split(said[said.index("--strip") :])
    assert offered == prefix
    assert labels(listed(tmp_path, text, strip=offered)) == WRITTEN


@pytest.mark.parametrize("path", ["x" * 400 + ".png", "a\0b.png", "con:", "~", "a/" * 3000 + "0.png"])
def test_paths_that_no_file_can_have_are_rows_of_the_message(tmp_path, path):
    said = refused(tmp_path, f'path,label\na/0.png,x\n"{path}",y\n')
    assert "names a file that is not there" in said
    assert "(row 3)" in said
    assert len(said) < 400


@pytest.mark.parametrize(
    ("encoding", "said"), [("utf-8", False), ("utf-8-sig", False), ("utf-16", False), ("cp1252", True)]
)
def test_text_is_read_in_the_encodings_that_spreadsheets_write(tmp_path, encoding, said):
    text = "path;label\na/0.png;größe\na/1.png;größe\nb/2.PNG;riß\nb/3.jpg;riß\n"
    found = listed(tmp_path, text, encoding=encoding)
    assert set(labels(found).values()) == {"größe", "riß"}
    assert bool(found.notes) == said
    assert not said or "read as Windows-1252" in found.notes[0]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_text_in_two_bytes_a_letter_is_known_without_its_mark(tmp_path, encoding):
    assert labels(listed(tmp_path, "path,label\na/0.png,größe\n", encoding=encoding)) == {"a/0.png": "größe"}


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("said", [False, True])
def test_values_may_be_separated_by_other_signs_which_a_first_line_may_name(tmp_path, separator, said):
    text = f"path{separator}label\n" + "".join(f"{path}{separator}{'xxyy'[n]}\n" for n, path in enumerate(FILES))
    found = listed(tmp_path, f"sep={separator}\r\n{text}" if said else text)
    assert labels(found) == WRITTEN
    assert [source.row for source in found.sources] == [number + said for number in (2, 3, 4, 5)]


def excel(path, *sheets):
    """A workbook of Excel with these rows in each sheet, as small as the format allows."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    names = "".join(f'<sheet name="S{n}" sheetId="{n}" r:id="r{n}"/>' for n, _ in enumerate(sheets, 1))
    links = "".join(
        f'<Relationship Id="r{n}" Type="{relations}/worksheet" Target="sheet{n}.xml"/>' for n, _ in enumerate(sheets, 1)
    )
    with zipfile.ZipFile(path, "w") as book:
        kinds = "".join(
            f'<Override PartName="/xl/{part}.xml" '
            f'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.{kind}+xml"/>'
            for part, kind in (
                ("workbook", "sheet.main"),
                *((f"sheet{n}", "worksheet") for n, _ in enumerate(sheets, 1)),
            )
        )
        rels = "application/vnd.openxmlformats-package.relationships+xml"
        book.writestr(
            "[Content_Types].xml",
            f'<Types xmlns="{package}/content-types"><Default Extension="rels" ContentType="{rels}"/>{kinds}</Types>',
        )
        book.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{package}/relationships"><Relationship Id="r" Type="{relations}/officeDocument" '
            'Target="xl/workbook.xml"/></Relationships>',
        )
        book.writestr(
            "xl/workbook.xml", f'<workbook xmlns="{main}" xmlns:r="{relations}"><sheets>{names}</sheets></workbook>'
        )
        book.writestr(
            "xl/_rels/workbook.xml.rels", f'<Relationships xmlns="{package}/relationships">{links}</Relationships>'
        )
        for n, rows in enumerate(sheets, 1):
            cells = "".join(f"<row>{''.join(map(_cell, row))}</row>" for row in rows)
            book.writestr(f"xl/sheet{n}.xml", f'<worksheet xmlns="{main}"><sheetData>{cells}</sheetData></worksheet>')


def _cell(value):
    if isinstance(value, str):
        return f'<c t="inlineStr"><is><t>{value}</t></is></c>'
    return f"<c><v>{value}</v></c>"


def test_excel_is_read_with_whole_numbers_as_such_and_the_sheet_that_names_images(tmp_path):
    rows = [["path", "label"], *([path, number % 2] for number, path in enumerate(FILES))]
    for others in ([["notes"]], [["who", "when"], *([["ann", day] for day in range(9)])]):
        excel(tmp_path / "t.xlsx", others, rows, [])
        found = read_sources(tmp_path / "t.xlsx", "t.xlsx", FILES)
        assert labels(found) == {"a/0.png": "0", "a/1.png": "1", "b/2.PNG": "0", "b/3.jpg": "1"}
        assert found.notes == ["t.xlsx: only the sheet 'S2' was read"]
    excel(tmp_path / "t.xlsx", [["made by", "ann"]], [["file", "kind"], *rows[1:]])
    named = Columns(names={"path": "file", "label": "kind"})
    assert len(read_sources(tmp_path / "t.xlsx", "t.xlsx", FILES, named).sources) == len(FILES)
    (tmp_path / "broken.xlsx").write_bytes(b"PK no workbook")
    with pytest.raises(InputError, match="can't be read as Excel"):
        read_sources(tmp_path / "broken.xlsx", "broken.xlsx", FILES)


def test_all_mistakes_are_told_at_once_with_their_rows(tmp_path):
    text = (
        "path,label,part\na/0.png,x,train\na/0.png,x,train\na/1.png,x,dev\ngone.png,y,\n,y,\n../out.png,y,\n"
        "b/2.PNG,y,\nb/2.PNG,x,\nb/3.jpg,y,,more\n"
    )
    said = refused(tmp_path, text)
    for part in (
        "row 4: a part other than train, val, test",
        "names a file that is not there: 'gone.png' (row 5)",
        "row 6: no path",
        "row 7: paths that lead out of",
        "rows 8, 9: an image that other rows give another label",
        "rows 2, 3: a path that stands in several rows",
        "row 10: more values than columns",
    ):
        assert part in said


@pytest.mark.parametrize(
    "above", ["Labels of May\n\n", "# by ann\n# 2021-05-03\n", "Labels,,\n", "Counted by ann;\n;\n", "\n\n"]
)
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_titles_above_the_names_of_columns_are_left_out_and_said(tmp_path, above, ending):
    text = above + "path;label;\n" + "".join(f"{path};{label};\n;;\n" for path, label in WRITTEN.items()) + ";;\n"
    found = listed(tmp_path, text.replace("\n", ending))
    assert labels(found) == WRITTEN
    first = above.count("\n") + 2
    assert [source.row for source in found.sources] == [first + 2 * at for at in range(4)]
    assert any("above the names of columns" in note for note in found.notes)


def test_names_of_columns_below_a_title_are_found_in_excel(tmp_path):
    rows = [["path", "label"], *([path, label] for path, label in WRITTEN.items())]
    excel(tmp_path / "t.xlsx", [["Labels of May"], [], *rows])
    assert labels(read_sources(tmp_path / "t.xlsx", "t.xlsx", FILES)) == WRITTEN


def test_two_sheets_of_the_same_columns_are_refused_since_one_would_be_lost(tmp_path):
    excel(tmp_path / "t.xlsx", [["path", "label"], [FILES[0], "x"]], [["path", "label"], [FILES[1], "y"]])
    with pytest.raises(InputError, match="the sheets S1, S2 have the same columns"):
        read_sources(tmp_path / "t.xlsx", "t.xlsx", FILES)


def test_cells_of_any_length_are_read(tmp_path):
    text = "path,label,note\n" + "".join(f"{path},{label},{'x' * 200_000}\n" for path, label in WRITTEN.items())
    assert labels(listed(tmp_path, text)) == WRITTEN


def test_words_for_parts_are_understood_as_those_of_folders_and_others_are_asked_for(tmp_path):
    text = PARTS_TEXT.format("part", "Training set", "2", "val_1", "holdout")
    said = refused(tmp_path, text)
    assert "rows 3, 5: a part other than train, val, test; say what '2' is: --set 'ingest.parts={\"2\": test}'" in said
    found = listed(tmp_path, text, parts={"2": "none", "holdout": "test"})
    assert {source.path: source.part for source in found.sources} == dict(
        zip([FILES[0], *FILES[2:]], ["train", "val", "test"], strict=True)
    )


def test_addresses_are_read_without_what_stands_behind_the_name(tmp_path):
    rows = [f"https://example.org/ann%27s%20photos/{path}?raw=1#top" for path in FILES]
    text = "path,label\n" + "".join(f"{row},{label}\n" for row, label in zip(rows, "xxyy", strict=True))
    option = refused(tmp_path, text).partition("add --strip ")[2]
    (strip,) = shlex.split(option)
    assert labels(listed(tmp_path, text, strip=strip)) == WRITTEN


def test_files_of_which_several_may_be_meant_are_named(tmp_path):
    said = refused(tmp_path, "path,label\n0,x\n1,y\n", files=["train/0.png", "test/0.png", "train/1.png", "test/1.png"])
    assert "2 of them may be several, '0' for instance 'test/0.png', 'train/0.png'" in said


def test_paths_that_lead_to_files_through_the_folder_above_come_with_the_lines_that_take_them(tmp_path):
    (tmp_path / "tables").mkdir()
    (tmp_path / "photos").mkdir()
    files = [f"photos/{name}.png" for name in "ab"]
    for file in files:
        (tmp_path / file).write_bytes(b"x")
    table = tmp_path / "tables" / "t.csv"
    table.write_text("path,label\n" + "".join(f"../{file},{file[7]}\n" for file in files))
    with pytest.raises(InputError) as error:
        read_sources(table, str(table), [])
    copy, _, add = str(error.value).splitlines()[-1].partition(" && ")
    assert shlex.split(copy) == ["cp", str(table), str(tmp_path / "t.csv")]
    (tmp_path / "t.csv").write_text(table.read_text())
    found = read_sources(tmp_path / "t.csv", "t.csv", files, Columns(strip=shlex.split(add)[-1]))
    assert labels(found) == {file: file[7] for file in files}
