//! Writes: the thread of a file takes what waits, runs it in one transaction, commits once, then answers. What is in memory only
//! is written on the callers' threads.

use std::{
    any::Any,
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::{
    super::SqliteOptions,
    connection::wait_until,
    error::{backend, panicked},
    files::Files,
    notifier::Notifier,
    tables::Tables,
    time::{duration_micros, micros},
    tx::{Course, Effects, Heartbeat, Tx},
};
use crate::{
    clock,
    error::{Error, ErrorKind, Result, chain},
};

/// Commands in one transaction at most: bounds how long the first of them waits.
const GROUP: usize = 1024;
/// However long a command has waited for others, it waits so long for a lock: another process's commit is no failure.
const LEAST_WAIT: Duration = Duration::from_millis(100);
/// Maintenance waits so long for a lock: commands queue behind it, and it comes again.
const MAINTENANCE_WAIT: Duration = Duration::from_secs(1);
/// How often expired messages, dead processes and old records are looked for.
const TICK: Duration = Duration::from_secs(1);

trait Command: Send {
    fn run(&mut self, tx: &mut Tx<'_>) -> Result<()>;
    fn answer(self: Box<Self>, result: Result<()>);

    /// Its part of a write that neighbours with a part of the same type can do together.
    fn part(&self) -> Option<&dyn Any> {
        None
    }

    /// Runs the parts of all of them; asked of one that has a part.
    fn run_parts(&self, _tx: &mut Tx<'_>, _parts: &[&dyn Any]) -> Result<()> {
        Err(cut_off())
    }
}

/// A write that neighbours do by the same statements.
struct Together<P> {
    part: P,
    work: fn(&mut Tx<'_>, &[&P]) -> Result<()>,
    reply: oneshot::Sender<Result<()>>,
}

impl<P: Send + 'static> Command for Together<P> {
    fn run(&mut self, tx: &mut Tx<'_>) -> Result<()> {
        (self.work)(tx, &[&self.part])
    }

    fn answer(self: Box<Self>, result: Result<()>) {
        let _ = self.reply.send(result);
    }

    fn part(&self) -> Option<&dyn Any> {
        Some(&self.part)
    }

    fn run_parts(&self, tx: &mut Tx<'_>, parts: &[&dyn Any]) -> Result<()> {
        let parts: Vec<&P> = parts.iter().filter_map(|part| part.downcast_ref()).collect();
        (self.work)(tx, &parts)
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

/// Runs one command's work. A panic is its error and nobody else's.
fn caught<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|panic| Err(panicked("a write to the queue file", panic.as_ref())))
}

/// What a database has that other processes may use too.
pub(super) struct Others {
    pub(super) notifier: Notifier,
    pub(super) files: Arc<Files>,
}

/// Who runs the commands.
enum Line {
    /// The writer thread, which ends when this is dropped.
    Thread(mpsc::Sender<Waiting>),
    /// Each caller its own: there is no disk to wait for, and the time is that of the caller's runtime.
    Callers(Arc<Mutex<Loop>>),
}

/// Has commands run.
pub(super) struct Writer {
    line: Line,
    tables: Arc<dyn Tables>,
    lock_timeout: Duration,
}

impl Writer {
    pub(super) fn start(
        connection: Connection,
        options: SqliteOptions,
        tables: Arc<dyn Tables>,
        others: Others,
    ) -> Result<Self> {
        let (commands, inbox) = mpsc::channel();
        let writer = Loop::new(connection, options, tables.clone(), Some(others), inbox);
        thread::Builder::new()
            .name("usm-queue-writer".to_owned())
            .spawn(move || writer.run())
            .map_err(|error| backend("the writer thread cannot start", error))?;
        Ok(Self { line: Line::Thread(commands), tables, lock_timeout: options.lock_timeout })
    }

    /// For a database in memory; on a runtime, whose time it keeps.
    pub(super) fn of_callers(
        connection: Connection,
        options: SqliteOptions,
        tables: Arc<dyn Tables>,
    ) -> Self {
        let writer = Loop::new(connection, options, tables.clone(), None, mpsc::channel().1);
        let tick = writer.tick();
        let writer = Arc::new(Mutex::new(writer));
        let maintained = Arc::downgrade(&writer);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(tick).await;
                let Some(writer) = maintained.upgrade() else { return };
                writer.lock().unwrap_or_else(PoisonError::into_inner).guarded(Loop::maintain);
            }
        });
        Self { line: Line::Callers(writer), tables, lock_timeout: options.lock_timeout }
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

    pub(super) async fn call_together<P: Send + 'static>(
        &self,
        part: P,
        work: fn(&mut Tx<'_>, &[&P]) -> Result<()>,
    ) -> Result<()> {
        let (reply, answer) = oneshot::channel();
        self.send(Box::new(Together { part, work, reply }))?;
        answer.await.map_err(|_| cut_off())?
    }

    /// Gives back everything this process holds.
    pub(super) async fn release(&self) -> Result<()> {
        let tables = self.tables.clone();
        self.call(move |tx| release(&*tables, tx)).await
    }

    fn send(&self, command: Box<dyn Command>) -> Result<()> {
        let waiting = Waiting { command, until: Instant::now() + self.lock_timeout };
        let commands = match &self.line {
            Line::Thread(commands) => commands,
            Line::Callers(writer) => {
                let mut writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
                writer.guarded(|writer| writer.commit_group(waiting));
                return Ok(());
            }
        };
        commands.send(waiting).map_err(|_| {
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
    tables: Arc<dyn Tables>,
    others: Option<Others>,
    member: i64,
    inbox: mpsc::Receiver<Waiting>,
    /// Taken from the inbox and still to be run, before what is in it.
    waiting: VecDeque<Waiting>,
    next_tick: Instant,
    heartbeat: Heartbeat,
    maintenance: Maintenance,
}

/// What is remembered between two rounds of maintenance.
struct Maintenance {
    /// When the last one ended, in microseconds.
    seen: i64,
    /// Until then nobody is held for dead.
    spared_until: i64,
    /// Whether the last one succeeded: trouble is logged once.
    works: bool,
}

impl Maintenance {
    fn new() -> Self {
        Self { seen: micros(clock::now()), spared_until: 0, works: true }
    }

    /// Whether silent processes may be held for dead. Who could not look for a while, because the file was locked, the
    /// process frozen or the clock set, knows nothing about the others: they get one lease to show themselves, once.
    fn may_reap(&mut self, now: i64, tick: i64, lease: i64) -> bool {
        if now - self.seen > 3 * tick && now >= self.spared_until.saturating_add(lease) {
            self.spared_until = now.saturating_add(lease);
        }
        now >= self.spared_until
    }
}

impl Loop {
    fn new(
        connection: Connection,
        options: SqliteOptions,
        tables: Arc<dyn Tables>,
        others: Option<Others>,
        inbox: mpsc::Receiver<Waiting>,
    ) -> Self {
        Self {
            connection,
            options,
            tables,
            others,
            // Positive, so that it reads well in the file.
            member: fastrand::i64(1..),
            inbox,
            waiting: VecDeque::new(),
            next_tick: Instant::now(),
            heartbeat: Heartbeat::default(),
            maintenance: Maintenance::new(),
        }
    }

    /// Whoever was not answered because of a panic is told by the end of the reply's channel.
    fn guarded<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> Option<T> {
        match catch_unwind(AssertUnwindSafe(|| work(self))) {
            Ok(value) => Some(value),
            Err(panic) => {
                let error = panicked("the thread that writes the queue file", panic.as_ref());
                tracing::error!(%error, "the queue file is written on");
                self.roll_back();
                None
            }
        }
    }

    fn run(mut self) {
        while self.guarded(Self::step) != Some(false) {}
        // The last handle is gone: what it held goes back at once instead of after the lease.
        let tables = self.tables.clone();
        if let Err(error) = self.alone(Instant::now() + MAINTENANCE_WAIT, &mut |tx| release(&*tables, tx)) {
            tracing::debug!(error = chain(&error), "deliveries were not handed back at the end");
        }
        if let Some(others) = &mut self.others {
            others.notifier.notify_now();
        }
    }

    /// Maintains the file when it is time to, else runs what waits, else waits. `false` when the last handle is gone.
    fn step(&mut self) -> bool {
        if Instant::now() >= self.next_tick {
            self.next_tick = Instant::now() + self.tick();
            self.maintain();
        }
        if let Some(first) = self.waiting.pop_front() {
            self.commit_group(first);
            return true;
        }
        match self.inbox.try_recv() {
            Ok(first) => self.commit_group(first),
            Err(mpsc::TryRecvError::Disconnected) => return false,
            Err(mpsc::TryRecvError::Empty) => {
                // Nothing is waiting, so nothing else will tell others of the last commits.
                let notify_in = self.others.as_mut().and_then(|others| others.notifier.notify());
                let wait = self.next_tick.saturating_duration_since(Instant::now());
                match self.inbox.recv_timeout(notify_in.unwrap_or(wait).min(wait)) {
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
        let mut course = Course::default();
        let mut result = Ok(());
        while result.is_ok() && done < group.len() {
            let mut tx = Tx {
                connection: &self.connection,
                now: micros(clock::now()),
                member: self.member,
                options: self.options,
                effects: &mut effects,
                heartbeat: &mut self.heartbeat,
                course: &mut course,
            };
            let parts = together(&group[done..]);
            if parts.len() > 1 {
                result = caught(|| group[done].command.run_parts(&mut tx, &parts));
                done += parts.len();
            } else {
                result = caught(|| group[done].command.run(&mut tx));
                done += 1;
            }
            if done == group.len() {
                let waiting = self.waiting.drain(..self.waiting.len().min(GROUP - done));
                group.extend(waiting);
                group.extend(self.inbox.try_iter().take(GROUP - group.len()));
            }
        }
        match result.and_then(|()| self.commit(&effects)) {
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
        let waiting = self.waiting.drain(..).chain(self.inbox.try_iter());
        let (late, waiting): (Vec<_>, Vec<_>) = waiting.partition(|waiting| waiting.until <= now);
        self.waiting = waiting.into();
        std::iter::once(first).chain(late).for_each(|waiting| waiting.command.answer(Err(error.clone())));
    }

    /// Runs one piece of work in a transaction of its own, and waits until then for others to end theirs.
    fn alone<T>(&mut self, until: Instant, work: &mut dyn FnMut(&mut Tx<'_>) -> Result<T>) -> Result<T> {
        let mut effects = Effects::default();
        self.begin(until)?;
        let mut tx = Tx {
            connection: &self.connection,
            now: micros(clock::now()),
            member: self.member,
            options: self.options,
            effects: &mut effects,
            heartbeat: &mut self.heartbeat,
            course: &mut Course::default(),
        };
        let result = caught(|| work(&mut tx)).and_then(|value| self.commit(&effects).map(|()| value));
        match &result {
            Ok(_) => self.tell(effects),
            Err(_) => self.roll_back(),
        }
        result
    }

    fn begin(&self, until: Instant) -> Result<()> {
        wait_until(until);
        self.execute("BEGIN IMMEDIATE")
    }

    /// Into files that are there: looked at before, so that what is refused is not kept either, and after, because they may
    /// have gone meanwhile.
    fn commit(&self, effects: &Effects) -> Result<()> {
        self.tables.count(&self.connection, effects)?;
        self.check_files()?;
        self.execute("COMMIT")?;
        self.check_files()
    }

    fn check_files(&self) -> Result<()> {
        self.others.as_ref().map_or(Ok(()), |others| others.files.check())
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
        self.heartbeat.repeat();
        if !self.connection.is_autocommit()
            && let Err(error) = self.execute("ROLLBACK")
        {
            tracing::error!(error = chain(&error), "a failed transaction cannot be rolled back");
        }
    }

    fn tell(&mut self, effects: Effects) {
        if effects.is_empty() {
            return;
        }
        self.tables.committed(&self.connection, &effects);
        if let Some(others) = &mut self.others {
            others.notifier.want();
            others.notifier.notify();
        }
    }

    /// What nobody asks for: heartbeats, deliveries of dead processes, expired messages, old records. Writes only when there is
    /// something to write.
    fn maintain(&mut self) {
        let (now, until) = (micros(clock::now()), Instant::now() + MAINTENANCE_WAIT);
        wait_until(until);
        let tables = self.tables.clone();
        let due =
            self.check_files().and_then(|()| tables.need_maintenance(&self.connection, self.member, now));
        let (tick, lease) = (duration_micros(self.tick()), duration_micros(self.options.lease));
        let mut maintenance = std::mem::replace(&mut self.maintenance, Maintenance::new());
        let done = match due {
            Ok(false) => Ok(()),
            Ok(true) => {
                self.alone(until, &mut |tx| tables.maintain(tx, maintenance.may_reap(tx.now, tick, lease)))
            }
            Err(error) => Err(error),
        };
        maintenance.seen = micros(clock::now());
        let worked = std::mem::replace(&mut maintenance.works, done.is_ok());
        self.maintenance = maintenance;
        match done {
            Err(error) if worked => tracing::warn!(
                error = chain(&error),
                "maintenance of the queue file failed; trying again until it succeeds"
            ),
            Ok(()) if !worked => tracing::info!("maintenance of the queue file succeeds again"),
            _ => {}
        }
    }
}

/// The parts of the first commands that can be run together.
fn together(group: &[Waiting]) -> Vec<&dyn Any> {
    let parts = group.iter().map_while(|waiting| waiting.command.part());
    let mut kind = None;
    parts.take_while(|part| *kind.get_or_insert((*part).type_id()) == (*part).type_id()).collect()
}

/// Gives back everything this process holds.
fn release(tables: &dyn Tables, tx: &mut Tx<'_>) -> Result<()> {
    tables.release(tx)?;
    tx.heartbeat.repeat();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEASE: i64 = 9;
    const TICK: i64 = 3;

    /// Maintenance that ran last at 0.
    fn maintenance() -> Maintenance {
        Maintenance { seen: 0, ..Maintenance::new() }
    }

    #[test]
    fn who_looks_regularly_may_reap() {
        let mut maintenance = maintenance();
        for now in (TICK..100).step_by(3) {
            assert!(maintenance.may_reap(now, TICK, LEASE));
            maintenance.seen = now;
        }
    }

    #[test]
    fn who_could_not_look_spares_the_others_for_a_lease() {
        let mut maintenance = maintenance();
        assert!(!maintenance.may_reap(50, TICK, LEASE));
        maintenance.seen = 50;
        assert!(!maintenance.may_reap(53, TICK, LEASE));
        maintenance.seen = 53;
        assert!(!maintenance.may_reap(56, TICK, LEASE));
        maintenance.seen = 56;
        assert!(maintenance.may_reap(59, TICK, LEASE));
    }

    #[test]
    fn who_is_always_late_reaps_all_the_same() {
        let mut maintenance = maintenance();
        let reaped = (1..100).filter(|n| {
            let now = n * 4 * TICK;
            let may = maintenance.may_reap(now, TICK, LEASE);
            maintenance.seen = now;
            may
        });
        assert!(reaped.count() > 30);
    }
}
