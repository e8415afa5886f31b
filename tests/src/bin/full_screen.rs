//! A small program that takes the whole screen and tells pastes apart, for tests of terminals: a line to
//! type into, what was sent, and the size. `work` makes it work and `ask` makes it ask until Enter is pressed,
//! `quit` ends it.

use std::io::{Read as _, Write as _, stdin, stdout};

use rustix::termios::{OptionalActions, SpecialCodeIndex, tcgetattr, tcgetwinsize, tcsetattr};

#[derive(PartialEq)]
enum State {
    Ready,
    Working,
    Asking,
}

fn main() -> std::io::Result<()> {
    let before = tcgetattr(stdin())?;
    let mut raw = before.clone();
    raw.make_raw();
    // A read returns after a tenth of a second, so that another size is seen.
    raw.special_codes[SpecialCodeIndex::VMIN] = 0;
    raw.special_codes[SpecialCodeIndex::VTIME] = 1;
    tcsetattr(stdin(), OptionalActions::Now, &raw)?;
    put("\x1b[?1049h\x1b[?2004h")?;

    let (mut line, mut sent) = (Vec::new(), Vec::new());
    let (mut state, mut drawn) = (State::Ready, String::new());
    let mut pasting = false;
    let mut waiting = Vec::new();
    'program: loop {
        let picture = picture(&state, &line, &sent)?;
        if picture != drawn {
            put(&picture)?;
            drawn = picture;
        }
        let mut keys = [0; 256];
        let read = stdin().read(&mut keys)?;
        waiting.extend_from_slice(&keys[..read]);
        while !waiting.is_empty() {
            if let Some(rest) = waiting.strip_prefix(b"\x1b[200~") {
                (pasting, waiting) = (true, rest.to_vec());
                continue;
            }
            if let Some(rest) = waiting.strip_prefix(b"\x1b[201~") {
                (pasting, waiting) = (false, rest.to_vec());
                continue;
            }
            if waiting[0] == 0x1b && waiting.len() < 6 {
                break;
            }
            let key = waiting.remove(0);
            match (&state, key) {
                (State::Working | State::Asking, b'\r') => state = State::Ready,
                (State::Working | State::Asking, _) => {}
                (State::Ready, b'\r') if !pasting => {
                    let said = String::from_utf8_lossy(&std::mem::take(&mut line)).into_owned();
                    match &*said {
                        "work" => state = State::Working,
                        "ask" => state = State::Asking,
                        "quit" => break 'program,
                        _ => sent.push(said),
                    }
                }
                (State::Ready, 0x7f) => while line.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {},
                (State::Ready, key) => line.push(key),
            }
        }
    }
    put("\x1b[?2004l\x1b[?1049l")?;
    tcsetattr(stdin(), OptionalActions::Now, &before)?;
    Ok(())
}

fn picture(state: &State, line: &[u8], sent: &[String]) -> std::io::Result<String> {
    let size = tcgetwinsize(stdin())?;
    let mut picture = format!("\x1b[2J\x1b[H{} lines of {}\r\n", size.ws_row, size.ws_col);
    for text in sent {
        picture.push_str(&format!("sent <{text}>\r\n"));
    }
    picture.push_str(&match state {
        State::Ready => format!("say> {}", String::from_utf8_lossy(line)),
        State::Working => "working, press Enter to end it".to_owned(),
        State::Asking => "really? press Enter".to_owned(),
    });
    Ok(picture)
}

fn put(text: &str) -> std::io::Result<()> {
    let mut out = stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}
