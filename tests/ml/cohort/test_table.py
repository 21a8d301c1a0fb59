"""Reading labelled tables: ours, the originals', and every mistake named with file and row."""

from pathlib import Path

import numpy as np
import pytest

from experiments.public.tables import public_data
from ml.cohort.table import check_for_training, read_table
from ml.errors import CohortError

HEADER = "subject,pd,split,smile_mouth-width_mean,smile_mouth-width_var\n"


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_reads_labels_and_features(tmp_path: Path) -> None:
    cohort = read_table(
        written(tmp_path / "t.csv", HEADER + "a,1,train,0.8,0.01\nb,0,test,0.9,0.02\n")
    )
    assert cohort.pd.tolist() == [1, 0]
    assert cohort.records()[0] == {"smile_mouth-width_mean": 0.8, "smile_mouth-width_var": 0.01}
    assert cohort.tokens(("smile",)).shape == (2, 1, 14)


def test_reads_the_original_repositories_columns(tmp_path: Path) -> None:
    text = (
        "ID,Pipeline,Diagnosis,smile_AU12_mean,smile_Mouth_Width_Var,smile_mouth-width_entropy\n"
        "NIHAA,Home-Global,1,0.3,0.011,5.1\n"
    )
    cohort = read_table(written(tmp_path / "t.csv", text))
    assert cohort.columns == ("smile_mouth-width_var",)
    assert (cohort.subject[0], cohort.protocol[0], cohort.pd[0]) == ("NIHAA", "Home-Global", 1)
    text = "ID,pd,Age,gender,smile_jaw-open_mean\nx,yes,61,Male,0.9\ny,Possible,,Female,0.8\n"
    cohort = read_table(written(tmp_path / "u.csv", text))
    assert cohort.pd.tolist() == [1, -1]
    assert cohort.age[0] == 61
    assert cohort.sex[0] == "male"


def test_original_layout_with_split_lists(tmp_path: Path) -> None:
    smile = tmp_path / "data" / "facial_expression_smile" / "facial_dataset.csv"
    three = tmp_path / "cross_validation" / "dataset-cross-validation.csv"
    smile.parent.mkdir(parents=True)
    three.parent.mkdir()
    written(smile, "ID,pd,smile_jaw-open_mean\na,yes,0.9\nb,no,0.8\nc,no,0.7\n")
    written(three, "ID,Pipeline,Diagnosis,smile_jaw-open_mean\na,Home-Global,1,0.9\n")
    written(tmp_path / "data" / "test_set_participants.txt", "b\n")
    data = public_data(tmp_path)
    assert data.official_test == {"b"}
    assert data.smile.split.tolist() == ["train", "test", "train"]


def test_variance_not_above_zero_is_a_failed_extraction(tmp_path: Path) -> None:
    cohort = read_table(written(tmp_path / "t.csv", HEADER + "a,1,train,0.8,0\nb,0,train,0.9,\n"))
    assert np.isnan(cohort.values[0]).all()
    assert cohort.values[1, 0] == 0.9
    assert np.isnan(cohort.values[1, 1])


@pytest.mark.parametrize(
    ("rows", "row", "words"),
    [
        ("a,1,train,0.8,0.01\nb,7,train,0.9,0.02\n", 3, "neither yes nor no"),
        ("a,1,train,wide,0.01\n", 2, "no number"),
        (",1,train,0.8,0.01\n", 2, "names no subject"),
    ],
)
def test_a_mistake_names_file_and_row(tmp_path: Path, rows: str, row: int, words: str) -> None:
    path = written(tmp_path / "t.csv", HEADER + rows)
    with pytest.raises(CohortError, match=words) as caught:
        read_table(path)
    assert (caught.value.row, caught.value.file) == (row, str(path))


def test_grades_out_of_range_and_missing_tables(tmp_path: Path) -> None:
    path = written(tmp_path / "t.csv", "subject,grade,smile_jaw-open_mean\na,5,0.9\n")
    with pytest.raises(CohortError, match="not one of 0 to 4"):
        read_table(path)
    with pytest.raises(CohortError, match="no such file"):
        read_table(tmp_path / "absent.csv")
    with pytest.raises(CohortError, match="no column is named"):
        read_table(written(tmp_path / "u.csv", "subject,pd\na,1\n"))


def test_training_is_refused_before_it_starts(tmp_path: Path) -> None:
    two = read_table(written(tmp_path / "t.csv", HEADER + "a,1,train,0.8,0.1\na,1,dev,0.8,0.1\n"))
    with pytest.raises(CohortError, match=r"in split 'train' .* and in 'dev'") as caught:
        check_for_training(two, label="pd", classes=2)
    assert caught.value.row == 3
    one = read_table(written(tmp_path / "u.csv", HEADER + "a,1,train,0.8,0.1\n"))
    with pytest.raises(CohortError, match="that class is empty"):
        check_for_training(one, label="pd", classes=2)


def test_two_columns_of_one_meaning_must_agree(tmp_path: Path) -> None:
    head = "subject,ID,pd,diagnosis,smile_jaw-open_mean\n"
    agreed = read_table(written(tmp_path / "t.csv", head + "a,a,yes,1,0.9\nb,b,no,0.0,0.8\n"))
    assert (agreed.subject.tolist(), agreed.pd.tolist()) == (["a", "b"], [1, 0])
    for row, words in (("b,b,1,0,0.8", "'pd' and 'diagnosis'"), ("b,c,0,0,0.8", "'subject' and")):
        path = written(tmp_path / "u.csv", head + "a,a,yes,1,0.9\n" + row + "\n")
        with pytest.raises(CohortError, match=words) as caught:
            read_table(path)
        assert caught.value.row == 3


def test_a_label_in_only_one_of_two_columns_is_no_agreement(tmp_path: Path) -> None:
    path = written(tmp_path / "t.csv", "ID,pd,diagnosis,smile_jaw-open_mean\na,,1,0.9\n")
    with pytest.raises(CohortError, match="keep one") as caught:
        read_table(path)
    assert caught.value.row == 2
