use super::*;
use crate::Config;

const KNOWN: [(&str, Stage); 6] = [
    ("Debugging", Stage::Competent),
    ("Python", Stage::Proficient),
    ("React hooks", Stage::AdvancedBeginner),
    ("async programming", Stage::Novice),
    ("C++", Stage::Novice),
    ("unit testing", Stage::Expert),
];

#[track_caller]
fn check(text: &str, stage: Stage) {
    let known = KNOWN.map(|(area, stage)| (area.to_owned(), stage));
    let found = Config::default().teach.stage_for(&known, text);
    assert_eq!(found, stage, "{text}");
}

#[test]
fn the_lowest_area_that_is_touched_decides() {
    check("Python: a dictionary keeps its order", Stage::Proficient);
    check("Rename the class in basket.py.", Stage::Proficient);
    check("basket.py fails: reproduce it", Stage::Competent);
    check("The effect hook runs twice", Stage::AdvancedBeginner);
    check("src/Login.tsx: the name is cut", Stage::AdvancedBeginner);
    check("Await both in basket.py", Stage::Novice);
    check("The header of main.cpp", Stage::Novice);
    check("Add the tests that are missing", Stage::Expert);
    check("ADD UNITS", Stage::Expert);
}

#[test]
fn where_nothing_is_touched_all_areas_count() {
    check("Translate the page into French", Stage::Novice);
    // A word of a name that says nothing is not found in every text.
    check("A programming error", Stage::Competent);
    let nothing = Config::default().teach.stage_for(&[], "basket.py fails");
    assert_eq!(nothing, Stage::Novice);
}

#[test]
fn words_are_compared_without_their_endings() {
    for (one, other) in [
        ("tests", "testing"),
        ("debugging", "Debug"),
        ("debugged", "debug"),
        ("closures", "closure"),
        ("classes", "class"),
        ("caches", "caching"),
    ] {
        assert_eq!(stem(one), stem(other), "{one} {other}");
    }
    for (one, other) in [
        ("c", "c++"),
        ("java", "javascript"),
        ("go", "goes"),
        ("react", "reach"),
    ] {
        assert_ne!(stem(one), stem(other), "{one} {other}");
    }
}
