use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use super::*;

/// A model that can be told to be missing, slow or broken, and counts.
#[derive(Default)]
struct Fake {
    loads: AtomicU32,
    missing: std::sync::atomic::AtomicBool,
    slow: Duration,
}

struct Length;

impl Embedder for Length {
    fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, String> {
        #[expect(clippy::cast_precision_loss, reason = "texts of tests are short")]
        Ok(texts
            .iter()
            .map(|text| vec![text.len() as f32, 1.0])
            .collect())
    }
}

impl Source for Fake {
    fn name(&self) -> &str {
        "fake"
    }

    fn load(&self) -> Result<Box<dyn Embedder>, EmbedError> {
        self.loads.fetch_add(1, SeqCst);
        std::thread::sleep(self.slow);
        if self.missing.load(SeqCst) {
            return Err(EmbedError::Missing("It is missing.".to_owned()));
        }
        Ok(Box::new(Length))
    }
}

fn model(fake: Fake, retry_after: Duration) -> (Arc<Fake>, Model) {
    let fake = Arc::new(fake);
    let model = Model::new(fake.clone(), None, Duration::from_secs(600), retry_after);
    (fake, model)
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(5)
}

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn nothing_is_loaded_before_it_is_needed_and_then_once() {
    let (fake, model) = model(Fake::default(), MINUTE);
    assert_eq!(fake.loads.load(SeqCst), 0);
    for _ in 0..3 {
        let vectors = model
            .embed(vec!["abc".to_owned(), String::new()], soon())
            .await
            .unwrap();
        assert_eq!(vectors[1], [0.0, 1.0]);
        assert!((vectors[0][0] - 3.0 / 10.0_f32.sqrt()).abs() < 1e-6);
    }
    assert_eq!(fake.loads.load(SeqCst), 1);
    assert_eq!(*model.state().borrow(), ModelState::Ready);
}

#[tokio::test]
async fn it_is_dropped_when_nobody_has_used_it_for_long() {
    let (fake, mut model) = model(Fake::default(), MINUTE);
    model.idle = Duration::from_millis(300);
    let mut state = model.state();
    model.embed(vec!["a".to_owned()], soon()).await.unwrap();
    assert!(model.slot.lock().await.embedder.is_some());
    let resting = state.wait_for(|state| *state == ModelState::Resting);
    tokio::time::timeout(Duration::from_secs(10), resting)
        .await
        .unwrap()
        .unwrap();
    assert!(model.slot.lock().await.embedder.is_none());
    model.embed(vec!["a".to_owned()], soon()).await.unwrap();
    assert_eq!(fake.loads.load(SeqCst), 2);
}

#[tokio::test]
async fn a_failure_is_not_repeated_before_its_pause_is_over() {
    let (fake, model) = model(Fake::default(), Duration::from_millis(400));
    fake.missing.store(true, SeqCst);
    for _ in 0..5 {
        let error = model.embed(vec!["a".to_owned()], soon()).await.unwrap_err();
        assert_eq!(error, "It is missing.");
    }
    assert_eq!(fake.loads.load(SeqCst), 1);
    fake.missing.store(false, SeqCst);
    tokio::time::sleep(Duration::from_millis(500)).await;
    model.embed(vec!["a".to_owned()], soon()).await.unwrap();
    assert_eq!(fake.loads.load(SeqCst), 2);
}

#[tokio::test]
async fn who_cannot_wait_does_without_and_the_next_one_finds_it() {
    let slow = Fake {
        slow: Duration::from_millis(300),
        ..Fake::default()
    };
    let (fake, model) = model(slow, MINUTE);
    let at_once = Instant::now() + Duration::from_millis(20);
    model
        .embed(vec!["a".to_owned()], at_once)
        .await
        .unwrap_err();
    model.embed(vec!["a".to_owned()], soon()).await.unwrap();
    assert_eq!(fake.loads.load(SeqCst), 1);
}
