//! Messages that the client library cannot read: they become dead letters, and nobody else notices.

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use usm_queue::{DeadLetter, DeadLetterFilter, JobContext, Worker, testing::eventually};

use super::{Line, open, queue_on, url};
use crate::shared::{Note, ended, note, with_worker};

fn short(text: &[u8]) -> Vec<u8> {
    [&[u8::try_from(text.len()).unwrap()], text].concat()
}

fn long(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat()
}

fn frame(kind: u8, channel: u16, payload: &[u8]) -> Vec<u8> {
    [&[kind][..], &channel.to_be_bytes(), &long(payload), &[0xce]].concat()
}

/// A client that writes whatever it is told.
struct Raw(TcpStream);

impl Raw {
    async fn connect() -> Self {
        let uri: lapin::uri::AMQPUri = url().parse().unwrap();
        let address = (uri.authority.host.as_str(), uri.authority.port);
        let mut raw = Self(TcpStream::connect(address).await.unwrap());
        raw.0.write_all(b"AMQP\x00\x00\x09\x01").await.unwrap();
        raw.answer([10, 10]).await;
        let user = &uri.authority.userinfo;
        let login = format!("\0{}\0{}", user.username, user.password);
        let start_ok = [long(b""), short(b"PLAIN"), long(login.as_bytes()), short(b"en_US")].concat();
        raw.call(0, [10, 11], &start_ok).await;
        let tune = raw.answer([10, 30]).await;
        // Without heartbeats.
        raw.call(0, [10, 31], &[&tune[..6], &[0, 0]].concat()).await;
        let vhost = if uri.vhost.is_empty() { "/" } else { uri.vhost.as_str() };
        raw.call(0, [10, 40], &[short(vhost.as_bytes()), short(b""), vec![0]].concat()).await;
        raw.answer([10, 41]).await;
        raw.call(1, [20, 10], &short(b"")).await;
        raw.answer([20, 11]).await;
        raw
    }

    /// Flags and values, in AMQP's own encoding. Returns when the broker has it.
    async fn publish(&mut self, exchange: &str, key: &[u8], properties: &[u8], body: &[u8]) {
        let names = [&[0, 0][..], &short(exchange.as_bytes()), &short(key), &[0]].concat();
        self.call(1, [60, 40], &names).await;
        let size = u64::try_from(body.len()).unwrap().to_be_bytes();
        let header = [&[0, 60, 0, 0][..], &size, properties].concat();
        self.0.write_all(&frame(2, 1, &header)).await.unwrap();
        self.0.write_all(&frame(3, 1, body)).await.unwrap();
        // A call that is answered after what came before it: flow.
        self.call(1, [20, 20], &[1]).await;
        self.answer([20, 21]).await;
    }

    async fn call(&mut self, channel: u16, [class, method]: [u8; 2], arguments: &[u8]) {
        let payload = [&[0, class, 0, method], arguments].concat();
        self.0.write_all(&frame(1, channel, &payload)).await.unwrap();
    }

    /// Arguments of the next method, which must be this one.
    async fn answer(&mut self, [class, method]: [u8; 2]) -> Vec<u8> {
        loop {
            let mut head = [0; 7];
            self.0.read_exact(&mut head).await.unwrap();
            let size = u32::from_be_bytes(head[3..].try_into().unwrap());
            let mut payload = vec![0; usize::try_from(size).unwrap() + 1];
            self.0.read_exact(&mut payload).await.unwrap();
            if head[0] == 1 {
                assert_eq!(payload[..4], [0, class, 0, method], "the broker answers otherwise");
                return payload[4..payload.len() - 1].to_vec();
            }
        }
    }
}

fn nested(depth: usize) -> Vec<u8> {
    (1..depth).fold(Vec::new(), |inner, _| [&short(b"k")[..], b"F", &long(&inner)].concat())
}

/// Each of them with another part that is unreadable, with a body of its own.
fn unreadable() -> Vec<(&'static [u8], Vec<u8>, &'static str)> {
    let key = b"work.note";
    let headers = |entries: &[u8]| [&[0x20, 0][..], &long(entries)].concat();
    vec![
        (key, [&[0, 0x80][..], &short(b"\xff\xfe")].concat(), "message id: is not UTF-8"),
        (key, [&[0x80, 0][..], &short(b"text/\xd0")].concat(), "content type: is not UTF-8"),
        (key, headers(&[&short(b"\xc3(")[..], b"V"].concat()), "headers: a name in them is not UTF-8"),
        (key, headers(&nested(200)), "headers: they are nested too deeply"),
        (key, headers(&nested(5000)), "headers: they are nested too deeply"),
        (b"work.\xff", vec![0, 0], "the routing key or exchange is not UTF-8"),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_that_the_client_library_cannot_read_become_dead_letters_and_the_others_are_worked() {
    let Some(broker) = open().await else { return };
    let line = Line::declare(&*broker, |queue| queue).await;
    let (queue, _) = queue_on(&line).await;
    let mut raw = Raw::connect().await;
    let messages = unreadable();
    let body = |number: usize| format!(r#"{{"text": "{number}"}}"#);
    for (number, (key, properties, _)) in messages.iter().enumerate() {
        raw.publish(line.topology.task_exchange(), key, properties, body(number).as_bytes()).await;
    }
    let job = queue.enqueue(note("good")).await.unwrap();
    let worker = Worker::new(queue.clone(), ())
        .handle(async |task: Note, _: JobContext<()>| Ok::<_, usm_queue::TaskError>(task.text));

    let letters: Vec<DeadLetter> = with_worker(worker, async {
        assert_eq!(ended(&queue, &job).await.result, Some(json!("good")));
        eventually("all unreadable ones are dead letters", async || {
            let letters =
                queue.dead_letters().list(&DeadLetterFilter::default(), 0, usize::MAX).await.unwrap();
            (letters.len() == messages.len()).then_some(letters)
        })
        .await
    })
    .await;

    for (number, (_, properties, why)) in messages.iter().enumerate() {
        let letter = letters.iter().find(|letter| letter.raw == body(number).as_bytes()).unwrap();
        assert_eq!(letter.reason, "undecodable");
        assert!(letter.errors[0].ends_with(why), "{:?}", letter.errors);
        let kept = letter.raw_properties.as_ref().unwrap();
        let expected: String = properties.iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(expected.starts_with(kept) && (kept.len() == expected.len() || kept.len() > 1000));
    }
    assert_eq!(queue.depth(&line.name).await.unwrap().ready, 0, "nothing comes again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unreadable_message_that_the_broker_dead_lettered_is_listed_and_removed() {
    let Some(broker) = open().await else { return };
    let line = Line::declare(&*broker, |queue| queue.message_ttl(std::time::Duration::from_millis(1))).await;
    let (queue, _) = queue_on(&line).await;
    let mut raw = Raw::connect().await;
    for (key, properties, _) in &unreadable() {
        raw.publish(line.topology.task_exchange(), key, properties, b"{}").await;
    }
    let dead = queue.dead_letters();

    let letters = eventually("all are dead letters", async || {
        let letters = dead.list(&DeadLetterFilter::default(), 0, usize::MAX).await.unwrap();
        (letters.len() == unreadable().len()).then_some(letters)
    })
    .await;

    for letter in &letters {
        let removed = dead.remove(&letter.id).await.unwrap();
        let left = dead.list(&DeadLetterFilter::default(), 0, usize::MAX).await.unwrap();
        assert!(removed, "{letter:?} is not found among {left:?}");
    }
    assert_eq!(dead.list(&DeadLetterFilter::default(), 0, 9).await.unwrap(), []);
}
