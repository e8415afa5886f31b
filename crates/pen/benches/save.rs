//! A durable save by the pen beside the least that any safe save must do, on the same disk:
//! `cargo bench -p paige-pen`. `TMPDIR` chooses the disk.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

use divan::{Bencher, black_box};
use paige_pen::{Base, Config, Pen};
use paige_protocol::{ProjectPath, Version};

const SIZES: [usize; 2] = [2 * 1024, 100 * 1024];

fn main() {
    divan::main();
}

fn texts(size: usize) -> [Vec<u8>; 2] {
    [b'a', b'b'].map(|letter| vec![letter; size])
}

/// Temporary file, write, fsync, rename, fsync of the folder, and no questions asked.
#[divan::bench(args = SIZES, sample_count = 300)]
fn bare(bencher: Bencher<'_, '_>, size: usize) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let src = folder.path().join("src");
    fs::create_dir(&src).expect("a folder");
    let texts = texts(size);
    let mut turn = 0;
    let save = |content: &[u8], folder: &Path| -> std::io::Result<()> {
        let temporary = folder.join(".temporary");
        let mut file = File::create_new(&temporary)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&temporary, folder.join("main.rs"))?;
        File::open(folder)?.sync_all()
    };
    bencher.bench_local(|| {
        turn = 1 - turn;
        save(black_box(&texts[turn]), &src).expect("a save");
    });
}

#[divan::bench(args = SIZES, sample_count = 300)]
fn pen(bencher: Bencher<'_, '_>, size: usize) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let root = folder.path().join("project");
    fs::create_dir_all(root.join("src")).expect("a folder");
    let pen = Pen::open(&root, &folder.path().join("trash"), Config::default()).expect("a pen");
    let path = ProjectPath::parse("src/main.rs").expect("a good path");
    let texts = texts(size);
    pen.save(&path, &texts[0], &Base::Absent).expect("a save");
    let bases = texts.clone().map(|text| Base::Version(Version::of(&text)));
    let mut turn = 0;
    bencher.bench_local(|| {
        let base = &bases[turn];
        turn = 1 - turn;
        pen.save(&path, black_box(&texts[turn]), base)
            .expect("a save")
    });
}
