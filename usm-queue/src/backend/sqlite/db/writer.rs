//! The one thread that writes: takes what waits, runs it in one transaction, commits once, then answers.

use std::{
    any::Any,
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

use chrono::Utc;
use rusqlite::Connection;
use tokio::sync::oneshot;

use super::{
    SharedRoutes, SqliteOptions,
    connection::{backend, wait_until},
    doorbell::Doorbell,
    duration_micros,
    files::Files,
    hub::{Effects, Hub},
    micros,
};
use crate::{
    backend::sqlite::{
        jobs,
        messages::{self, NewJobs, Routes},
    },
    error::{Error, ErrorKind, Result},
};

/// Commands in one transaction at most: bounds how long the first of them waits.
const GROUP: usize = 1024;
/// Messages that time moves in one transaction, because they are due or have expired: bounds it too.
const MOVES: usize = 500;
/// However long a command has waited for others, it waits so long for a lock: another process's commit is no failure.
const LEAST_WAIT: Duration = Duration::from_millis(100);
/// Maintenance waits so long for a lock: commands queue behind it, and it comes again.
const MAINTENANCE_WAIT: Duration = Duration::from_secs(1);
/// How often expired messages, dead processes and old records are looked for.
const TICK: Duration = Duration::from_secs(1);

/// A running write transaction, as a command sees it.
pub(crate) struct Tx<'a> {
    pub(crate) connection: &'a Connection,
    /// The time of this transaction, in microseconds.
    pub(crate) now: i64,
    /// This process among those that share the file.
    pub(crate) member: i64,
    pub(crate) options: SqliteOptions,
    /// Who is to be told after the commit.
    pub(crate) effects: &'a mut Effects,
    beat: &'a mut Beat,
    routes: Option<Arc<Routes>>,
    course: &'a mut Course,
}

/// What the commands of one transaction share.
#[derive(Default)]
struct Course {
    /// The place given last.
    last_place: Option<i64>,
    /// Messages that time has moved.
    moved: usize,
}

/// When this process last told the others that it lives.
#[derive(Default)]
struct Beat {
    next: i64,
}

impl Tx<'_> {
    /// The next place behind all messages. Places are times, so one is not used again after its message is gone.
    pub(crate) fn next_place(&mut self) -> Result<i64> {
        let last = match self.course.last_place {
            Some(last) => Some(last),
            // Nobody else writes during this transaction, so asking once is enough.
            None => messages::last_place(self.connection)?,
        };
        let next = last.map_or(self.now, |last| self.now.max(last + 1));
        self.course.last_place = Some(next);
        Ok(next)
    }

    /// How many more messages may be moved because their time has come. The rest is for a later transaction, so that other
    /// commands come in between.
    pub(crate) fn moves_left(&self) -> usize {
        MOVES - self.course.moved
    }

    /// So many were moved.
    pub(crate) fn count_moves(&mut self, moved: usize) {
        self.course.moved = (self.course.moved + moved).min(MOVES);
    }

    /// The declared topology.
    pub(crate) fn routes(&self) -> Option<Arc<Routes>> {
        self.routes.clone()
    }

    /// Tells the other processes that this one lives, when it is time to. Whoever takes deliveries calls it.
    pub(crate) fn beat(&mut self) -> Result<()> {
        if self.now < self.beat.next {
            return Ok(());
        }
        let lease = duration_micros(self.options.lease);
        self.connection
            .prepare_cached("INSERT INTO members (id, alive_until) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET alive_until = ?2")
            .and_then(|mut beat| beat.execute((self.member, self.now.saturating_add(lease))))
            .map_err(|error| backend("a sign of life cannot be written", error))?;
        self.beat.next = self.now.saturating_add(lease / 3);
        Ok(())
    }
}

trait Command: Send {
    fn run(&mut self, tx: &mut Tx<'_>) -> Result<()>;
    fn answer(self: Box<Self>, result: Result<()>);

    /// What it inserts where that is all it does: neighbours in the line do it together.
    fn inserts(&self) -> Option<&NewJobs> {
        None
    }
}

struct Insert {
    new: NewJobs,
    reply: oneshot::Sender<Result<()>>,
}

impl Command for Insert {
    fn run(&mut self, tx: &mut Tx<'_>) -> Result<()> {
        messages::insert_together(tx, &[&self.new])
    }

    fn answer(self: Box<Self>, result: Result<()>) {
        let _ = self.reply.send(result);
    }

    fn inserts(&self) -> Option<&NewJobs> {
        Some(&self.new)
    }
}

struct Call<T, F> {
    work: F,
    value: Option<T>,
    reply: oneshot::Sender<Result<T>>,
}

impl<T: Send, F: FnMut(&mut Tx<'_>) -> Result<T> + Send> Command for Call<T, F> {
    fn run(&mut self, tx: &mut Tx<'_>) -> Result<()> {
        self.value = Some((self.work)(tx)?);
        Ok(())
    }

    fn answer(self: Box<Self>, result: Result<()>) {
        let Self { value, reply, .. } = *self;
        // A caller that stopped waiting does not want the answer.
        let _ = reply.send(result.and_then(|()| value.ok_or_else(cut_off)));
    }
}

/// A command in the line.
struct Waiting {
    command: Box<dyn Command>,
    /// When it is refused if another process holds the file.
    until: Instant,
}

/// The error of one who was not answered: the thread panicked outside of any command.
fn cut_off() -> Error {
    Error::new(
        ErrorKind::Backend,
        "the thread that writes the queue file failed in the middle of this; whether it was written is not known; look, or repeat it with the same id",
    )
}

/// The error where a panic was caught.
pub(super) fn panicked(what: &str, panic: &(dyn Any + Send)) -> Error {
    let told = panic.downcast_ref::<&str>().copied();
    let told = told.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message");
    Error::new(
        ErrorKind::Backend,
        format!(
            "{what} panicked: {told}; nothing was changed by it; please report this fault of the library"
        ),
    )
}

/// Runs one command's work. A panic is its error and nobody else's.
fn caught<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|panic| Err(panicked("a write to the queue file", panic.as_ref())))
}

/// What a database has that other processes may use too.
pub(super) struct Shared {
    pub(super) doorbell: Doorbell,
    pub(super) files: Arc<Files>,
}

/// Sends commands to the writer thread; the thread ends when this is dropped.
pub(super) struct Writer {
    commands: mpsc::Sender<Waiting>,
    lock_timeout: Duration,
}

impl Writer {
    pub(super) fn start(
        connection: Connection,
        options: SqliteOptions,
        hub: Arc<Hub>,
        routes: SharedRoutes,
        shared: Option<Shared>,
    ) -> Result<Self> {
        let (commands, inbox) = mpsc::channel();
        // Positive, so that it reads well in the file.
        let member = fastrand::i64(1..);
        let writer = Loop {
            connection,
            options,
            hub,
            routes,
            shared,
            member,
            inbox,
            line: VecDeque::new(),
            next_tick: Instant::now(),
            beat: Beat::default(),
            house: House::new(),
        };
        thread::Builder::new()
            .name("usm-queue-writer".to_owned())
            .spawn(move || writer.run())
            .map_err(|error| backend("the writer thread cannot start", error))?;
        Ok(Self { commands, lock_timeout: options.lock_timeout })
    }

    pub(super) async fn call<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&mut Tx<'_>) -> Result<T> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        self.send(Box::new(Call { work, value: None, reply }))?;
        answer.await.map_err(|_| cut_off())?
    }

    pub(super) async fn insert(&self, new: NewJobs) -> Result<()> {
        let (reply, answer) = oneshot::channel();
        self.send(Box::new(Insert { new, reply }))?;
        answer.await.map_err(|_| cut_off())?
    }

    fn send(&self, command: Box<dyn Command>) -> Result<()> {
        let until = Instant::now() + self.lock_timeout;
        self.commands.send(Waiting { command, until }).map_err(|_| {
            // It goes on until the last handle is dropped, and this is one.
            Error::new(
                ErrorKind::Backend,
                "the thread that writes the queue file has died; restart this process",
            )
        })
    }
}

/// What the thread owns.
struct Loop {
    connection: Connection,
    options: SqliteOptions,
    hub: Arc<Hub>,
    routes: SharedRoutes,
    shared: Option<Shared>,
    member: i64,
    inbox: mpsc::Receiver<Waiting>,
    /// Taken from the inbox and still to be run, before what is in it.
    line: VecDeque<Waiting>,
    next_tick: Instant,
    beat: Beat,
    house: House,
}

/// What is remembered between looks after the house.
struct House {
    /// When the last look ended, in microseconds.
    seen: i64,
    /// Until then nobody is held for dead.
    spared_until: i64,
    /// Whether the last look succeeded: trouble is told once.
    in_order: bool,
}

impl House {
    fn new() -> Self {
        Self { seen: micros(Utc::now()), spared_until: 0, in_order: true }
    }

    /// Whether silent processes may be held for dead. Who could not look for a while, because the file was locked, the
    /// process frozen or the clock set, knows nothing about the others: they get one lease to show themselves, once.
    fn may_bury(&mut self, now: i64, tick: i64, lease: i64) -> bool {
        if now - self.seen > 3 * tick && now >= self.spared_until.saturating_add(lease) {
            self.spared_until = now.saturating_add(lease);
        }
        now >= self.spared_until
    }
}

impl Loop {
    fn run(mut self) {
        loop {
            match catch_unwind(AssertUnwindSafe(|| self.step())) {
                Ok(true) => {}
                Ok(false) => break,
                // Whoever was not answered is told by the end of the reply's channel.
                Err(panic) => {
                    let error = panicked("the thread that writes the queue file", panic.as_ref());
                    tracing::error!(%error, "the queue file is written on");
                    self.roll_back();
                }
            }
        }
        // The last handle is gone: what it held goes back at once instead of after the lease.
        if let Err(error) = self.alone(Instant::now() + MAINTENANCE_WAIT, &mut release_all) {
            tracing::debug!(
                error = crate::error::chain(&error),
                "deliveries were not handed back at the end"
            );
        }
        if let Some(shared) = &mut self.shared {
            shared.doorbell.ring_now();
        }
    }

    /// Looks after the file when it is time to, else runs what waits, else waits. `false` when the last handle is gone.
    fn step(&mut self) -> bool {
        if Instant::now() >= self.next_tick {
            self.next_tick = Instant::now() + self.tick();
            self.keep_house();
        }
        if let Some(first) = self.line.pop_front() {
            self.commit_group(first);
            return true;
        }
        match self.inbox.try_recv() {
            Ok(first) => self.commit_group(first),
            Err(mpsc::TryRecvError::Disconnected) => return false,
            Err(mpsc::TryRecvError::Empty) => {
                // Nothing is waiting, so nothing else will ring for the last commits.
                let ring_in = self.shared.as_mut().and_then(|shared| shared.doorbell.ring());
                let wait = self.next_tick.saturating_duration_since(Instant::now());
                match self.inbox.recv_timeout(ring_in.unwrap_or(wait).min(wait)) {
                    Ok(first) => self.commit_group(first),
                    Err(mpsc::RecvTimeoutError::Timeout) => {}
                    Err(mpsc::RecvTimeoutError::Disconnected) => return false,
                }
            }
        }
        true
    }

    fn tick(&self) -> Duration {
        TICK.min(self.options.lease / 3)
    }

    /// Runs `first` and whatever else is waiting in one transaction.
    fn commit_group(&mut self, first: Waiting) {
        if let Err(error) = self.begin(first.until.max(Instant::now() + LEAST_WAIT)) {
            return self.refuse(first, &error);
        }
        let mut group = vec![first];
        let mut done = 0;
        let mut effects = Effects::default();
        let routes = self.routes();
        let mut course = Course::default();
        let mut result = Ok(());
        while result.is_ok() && done < group.len() {
            let mut tx = Tx {
                connection: &self.connection,
                now: micros(Utc::now()),
                member: self.member,
                options: self.options,
                effects: &mut effects,
                beat: &mut self.beat,
                routes: routes.clone(),
                course: &mut course,
            };
            let inserts: Vec<_> =
                group[done..].iter().map_while(|waiting| waiting.command.inserts()).collect();
            if inserts.len() > 1 {
                result = caught(|| messages::insert_together(&mut tx, &inserts));
                done += inserts.len();
            } else {
                result = caught(|| group[done].command.run(&mut tx));
                done += 1;
            }
            if done == group.len() {
                let waiting = self.line.drain(..self.line.len().min(GROUP - done));
                group.extend(waiting);
                group.extend(self.inbox.try_iter().take(GROUP - group.len()));
            }
        }
        match result.and_then(|()| self.commit()) {
            Ok(()) => {
                group.into_iter().for_each(|waiting| waiting.command.answer(Ok(())));
                self.tell(effects);
            }
            Err(error) => {
                self.roll_back();
                if group.len() == 1 {
                    group.into_iter().for_each(|waiting| waiting.command.answer(Err(error.clone())));
                } else {
                    // One of them is at fault, or the disk: each alone finds out.
                    group.into_iter().for_each(|mut waiting| {
                        let run = &mut |tx: &mut Tx<'_>| waiting.command.run(tx);
                        let result = self.alone(waiting.until, run);
                        waiting.command.answer(result);
                    });
                }
            }
        }
    }

    /// Nobody can write now: `first` is told so, and with it all whose time is over too. The others wait on.
    fn refuse(&mut self, first: Waiting, error: &Error) {
        let now = Instant::now();
        let waiting = self.line.drain(..).chain(self.inbox.try_iter());
        let (late, waiting): (Vec<_>, Vec<_>) = waiting.partition(|waiting| waiting.until <= now);
        self.line = waiting.into();
        std::iter::once(first).chain(late).for_each(|waiting| waiting.command.answer(Err(error.clone())));
    }

    /// Runs one piece of work in a transaction of its own, and waits until then for others to end theirs.
    fn alone<T>(&mut self, until: Instant, work: &mut dyn FnMut(&mut Tx<'_>) -> Result<T>) -> Result<T> {
        let mut effects = Effects::default();
        let routes = self.routes();
        self.begin(until)?;
        let mut tx = Tx {
            connection: &self.connection,
            now: micros(Utc::now()),
            member: self.member,
            options: self.options,
            effects: &mut effects,
            beat: &mut self.beat,
            routes,
            course: &mut Course::default(),
        };
        let result = caught(|| work(&mut tx)).and_then(|value| self.commit().map(|()| value));
        match &result {
            Ok(_) => self.tell(effects),
            Err(_) => self.roll_back(),
        }
        result
    }

    fn routes(&self) -> Option<Arc<Routes>> {
        self.routes.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn begin(&self, until: Instant) -> Result<()> {
        wait_until(until);
        self.execute("BEGIN IMMEDIATE")
    }

    /// Into files that are there: looked at before, so that what is refused is not kept either, and after, because they may
    /// have gone meanwhile.
    fn commit(&self) -> Result<()> {
        self.check_files()?;
        self.execute("COMMIT")?;
        self.check_files()
    }

    fn check_files(&self) -> Result<()> {
        self.shared.as_ref().map_or(Ok(()), |shared| shared.files.check())
    }

    fn execute(&self, sql: &'static str) -> Result<()> {
        self.connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute([]))
            .map(drop)
            .map_err(|error| backend("the queue file does not take this write", error))
    }

    fn roll_back(&mut self) {
        // A sign of life may have been rolled back too.
        self.beat.next = 0;
        if !self.connection.is_autocommit()
            && let Err(error) = self.execute("ROLLBACK")
        {
            tracing::error!(
                error = crate::error::chain(&error),
                "a failed transaction cannot be rolled back"
            );
        }
    }

    fn tell(&mut self, effects: Effects) {
        if effects.is_empty() {
            return;
        }
        self.hub.tell(&effects, |ids| jobs::load_newer(&self.connection, ids));
        if let Some(shared) = &mut self.shared {
            shared.doorbell.want();
            shared.doorbell.ring();
        }
    }

    /// What nobody asks for: signs of life, deliveries of dead processes, expired messages, old records. Writes only
    /// when there is something to write.
    fn keep_house(&mut self) {
        let (now, until) = (micros(Utc::now()), Instant::now() + MAINTENANCE_WAIT);
        wait_until(until);
        let due = self.check_files().and_then(|()| {
            Ok(messages::house_is_due(&self.connection, self.member, now)?
                || jobs::house_is_due(&self.connection, now)?)
        });
        let (tick, lease) = (duration_micros(self.tick()), duration_micros(self.options.lease));
        let mut house = std::mem::replace(&mut self.house, House::new());
        let kept = match due {
            Ok(false) => Ok(()),
            Ok(true) => self.alone(until, &mut |tx| {
                messages::keep_house(tx, house.may_bury(tx.now, tick, lease))?;
                jobs::keep_house(tx)
            }),
            Err(error) => Err(error),
        };
        house.seen = micros(Utc::now());
        let was_in_order = std::mem::replace(&mut house.in_order, kept.is_ok());
        self.house = house;
        match kept {
            Err(error) if was_in_order => tracing::warn!(
                error = crate::error::chain(&error),
                "the queue file cannot be kept in order; trying again until it can"
            ),
            Ok(()) if !was_in_order => tracing::info!("the queue file is kept in order again"),
            _ => {}
        }
    }
}

/// Gives back everything this process holds.
pub(super) fn release_all(tx: &mut Tx<'_>) -> Result<()> {
    messages::release_member(tx, tx.member)?;
    tx.beat.next = 0;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEASE: i64 = 9;
    const TICK: i64 = 3;

    /// A house that was last seen at 0.
    fn house() -> House {
        House { seen: 0, ..House::new() }
    }

    #[test]
    fn who_looks_regularly_may_bury() {
        let mut house = house();
        for now in (TICK..100).step_by(3) {
            assert!(house.may_bury(now, TICK, LEASE));
            house.seen = now;
        }
    }

    #[test]
    fn who_could_not_look_spares_the_others_for_a_lease() {
        let mut house = house();
        assert!(!house.may_bury(50, TICK, LEASE));
        house.seen = 50;
        assert!(!house.may_bury(53, TICK, LEASE));
        house.seen = 53;
        assert!(!house.may_bury(56, TICK, LEASE));
        house.seen = 56;
        assert!(house.may_bury(59, TICK, LEASE));
    }

    #[test]
    fn who_is_always_late_buries_all_the_same() {
        let mut house = house();
        let buried = (1..100).filter(|n| {
            let now = n * 4 * TICK;
            let may = house.may_bury(now, TICK, LEASE);
            house.seen = now;
            may
        });
        assert!(buried.count() > 30);
    }
}
