use anyhow::Result;
use serde_json::json;

use super::{Row, Work};
use crate::{
    disk::{Rows, safe_write},
    figure::{Figure, Target},
    samples::{digits, in_turns},
    scene::{Scene, text},
};

pub(super) const ROW: Row = Row {
    name: "save",
    about: "file:save of 2 KB, atomic and durable",
    measure,
};

/// Times what the bare safe write takes.
const TIMES: Target = Target::most(2.0, 1.2);

fn measure(scene: &Scene) -> Result<Vec<Figure>> {
    let house = scene.house()?;
    let mut work = Work::start(&house)?;
    let path = "src/file0.rs";
    work.ws.ask("file:open", &json!({"path": path}))?;
    let folder = house.project.join("src");
    let mut rows = Rows::create(&house.data)?;
    let content = text(2048);
    let (mut saves, mut writes) = (0, 0);
    let [ours, write, commit] = in_turns(
        scene.times(100),
        5,
        [
            &mut || {
                saves += 1;
                let content = format!("// {saves}\n{content}");
                let save = json!({"path": path, "content": content});
                Ok(work.ws.ask("file:save", &save)?.1)
            },
            &mut || {
                writes += 1;
                safe_write(
                    &folder,
                    "bare.rs",
                    format!("// {writes}\n{content}").as_bytes(),
                )
            },
            &mut || rows.commit(1),
        ],
    )?;
    let ratio = ours.p50() / write.p50();
    Ok(vec![Figure {
        name: "`file:save` 2 KB, atomic and durable",
        must: "≤ 2× the safe write in the same run",
        aim: "≤ 1.2×",
        ours: ours.text(),
        comparator: format!(
            "write, fsync, rename, fsync {}; one durable commit {}",
            write.text(),
            commit.text()
        ),
        ratio: format!(
            "{}×; {}× write and commit",
            digits(ratio),
            digits(ours.p50() / (write.p50() + commit.p50()))
        ),
        verdict: TIMES.judge(ratio),
    }])
}
