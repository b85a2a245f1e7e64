//! What several checks of a run want to know is asked for once.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;

use super::{Fault, FaultKind};

/// One question to one target, of one attempt.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Question {
    /// Who is asked: a host's id, the address of a server.
    pub target: String,
    /// All that is asked: the command line, the path.
    pub asked: String,
    /// The attempt of the check, from 1. Another one looks afresh: those that
    /// share an answer share its age.
    pub attempt: u32,
}

type Key = (Question, TypeId);

/// An answer, and how long whoever asked would have waited for it.
struct Seen<T> {
    within: Duration,
    answer: Result<Arc<T>, Fault>,
}

type Cell<T> = OnceCell<Seen<T>>;

/// The answers of one run, by question.
#[derive(Default)]
pub struct Answers {
    cells: Mutex<HashMap<Key, Arc<dyn Any + Send + Sync>>>,
}

impl fmt::Debug for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let questions = self.lock().len();
        f.debug_struct("Answers")
            .field("questions", &questions)
            .finish()
    }
}

impl Answers {
    /// The answer to `question`: from `ask` for the first who wants it, and the
    /// same answer or the same fault for everyone after, who wait for it if they
    /// must. `within` is the time that `ask` takes at most; who has more of it does
    /// not take over another's timeout. When the one who asks is cut off, the next in
    /// line asks.
    ///
    /// # Errors
    /// The fault of `ask`.
    pub async fn get<T, A>(
        &self,
        question: &Question,
        within: Duration,
        mut ask: impl FnMut() -> A,
    ) -> Result<Arc<T>, Fault>
    where
        T: Send + Sync + 'static,
        A: Future<Output = Result<T, Fault>>,
    {
        let key = (question.clone(), TypeId::of::<T>());
        loop {
            let cell = self.cell::<T>(&key);
            let seen = cell
                .get_or_init(|| {
                    let asking = ask();
                    async move {
                        Seen {
                            within,
                            answer: asking.await.map(Arc::new),
                        }
                    }
                })
                .await;
            match &seen.answer {
                Err(fault) if fault.kind == FaultKind::TimedOut && seen.within < within => {
                    self.forget(&key, &cell);
                }
                answer => return answer.clone(),
            }
        }
    }

    fn cell<T: Send + Sync + 'static>(&self, key: &Key) -> Arc<Cell<T>> {
        let mut cells = self.lock();
        let known = cells
            .get(key)
            .and_then(|cell| Arc::clone(cell).downcast::<Cell<T>>().ok());
        known.unwrap_or_else(|| {
            let cell = Arc::new(Cell::<T>::new());
            cells.insert(key.clone(), Arc::clone(&cell) as Arc<dyn Any + Send + Sync>);
            cell
        })
    }

    /// Unless somebody did so already.
    fn forget<T: Send + Sync + 'static>(&self, key: &Key, cell: &Arc<Cell<T>>) {
        let mut cells = self.lock();
        let is_it = cells
            .get(key)
            .and_then(|known| Arc::clone(known).downcast::<Cell<T>>().ok())
            .is_some_and(|known| Arc::ptr_eq(&known, cell));
        if is_it {
            cells.remove(key);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Key, Arc<dyn Any + Send + Sync>>> {
        self.cells.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Notify;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn question(asked: &str, attempt: u32) -> Question {
        Question {
            target: "k3s120".to_owned(),
            asked: asked.to_owned(),
            attempt,
        }
    }

    fn timed_out() -> Fault {
        Fault::new(FaultKind::TimedOut, "no answer")
    }

    #[tokio::test]
    async fn many_who_ask_at_once_ask_once() {
        let answers = Arc::new(Answers::default());
        let (asked, opened) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..20 {
            let (answers, asked) = (Arc::clone(&answers), Arc::clone(&asked));
            let opened = Arc::clone(&opened);
            tasks.spawn(async move {
                let question = question("pods", 1);
                let ask = || async {
                    asked.fetch_add(1, Ordering::SeqCst);
                    opened.notified().await;
                    Ok::<_, Fault>(7_u8)
                };
                answers.get(&question, SECOND, ask).await
            });
        }
        while asked.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        opened.notify_waiters();
        opened.notify_one();
        while let Some(done) = tasks.join_next().await {
            assert_eq!(*done.expect("no panic").expect("an answer"), 7);
        }
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn another_question_and_another_attempt_are_asked_anew() {
        let answers = Answers::default();
        let count = AtomicUsize::new(0);
        let ask = || async { Ok::<_, Fault>(count.fetch_add(1, Ordering::SeqCst)) };
        for (what, attempt, expected) in [
            ("pods", 1, 0),
            ("pods", 2, 1),
            ("nodes", 1, 2),
            ("pods", 2, 1),
            ("pods", 1, 0),
        ] {
            let seen = answers.get(&question(what, attempt), SECOND, ask).await;
            assert_eq!(*seen.expect("an answer"), expected, "{what} {attempt}");
        }
        let elsewhere = Question {
            target: "k3s121".to_owned(),
            ..question("pods", 1)
        };
        let seen = answers.get(&elsewhere, SECOND, ask).await;
        assert_eq!(*seen.expect("an answer"), 3);
    }

    #[tokio::test]
    async fn a_fault_is_everyones_but_a_timeout_only_theirs_who_have_no_more_time() {
        let answers = Answers::default();
        let refused = || async { Err::<u8, _>(Fault::new(FaultKind::Refused, "refused")) };
        let fine = || async { Ok::<u8, Fault>(1) };
        let late = || async { Err::<u8, _>(timed_out()) };
        let seen = |what: &'static str| question(what, 1);
        answers
            .get(&seen("a"), SECOND, refused)
            .await
            .expect_err("refused");
        let fault = answers.get(&seen("a"), 5 * SECOND, fine).await;
        assert_eq!(fault.expect_err("the same").kind, FaultKind::Refused);
        answers
            .get(&seen("b"), SECOND, late)
            .await
            .expect_err("late");
        let fault = answers.get(&seen("b"), SECOND, fine).await;
        assert_eq!(fault.expect_err("the same").kind, FaultKind::TimedOut);
        let longer = answers.get(&seen("b"), 5 * SECOND, fine).await;
        assert_eq!(*longer.expect("an answer"), 1);
        let again = answers.get(&seen("b"), SECOND, late).await;
        assert_eq!(*again.expect("the answer by now"), 1);
    }

    #[tokio::test]
    async fn who_is_cut_off_leaves_the_question_to_the_next() {
        let answers = Answers::default();
        let what = question("pods", 1);
        let never = || std::future::pending::<Result<u8, Fault>>();
        let cut = tokio::time::timeout(Duration::ZERO, answers.get(&what, SECOND, never)).await;
        cut.expect_err("cut off");
        let seen = answers.get(&what, SECOND, || async { Ok(3_u8) }).await;
        assert_eq!(*seen.expect("an answer"), 3);
    }
}
