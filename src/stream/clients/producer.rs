//! The transactional producer of a worker, and the thread that polls it.

use std::{
    ops::Deref,
    sync::{
        Arc,
        mpsc::{self, RecvTimeoutError, Sender},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use rdkafka::{
    config::{ClientConfig, FromClientConfigAndContext as _},
    error::{KafkaError, KafkaResult},
    producer::{BaseProducer, Producer as _},
};

use super::ProducerEvents;

/// How often a producer is polled. rdkafka's own `ThreadedProducer` polls for 100 ms, and spins through the last of them.
const EVERY: Duration = Duration::from_millis(10);
/// How many events are taken then. An abort throws away what is under way, and reports that with one for each partition.
const EVENTS: usize = 16;

/// A transactional producer with a thread that polls it, without which `abort_transaction` would hang.
pub struct WireProducer {
    producer: Arc<BaseProducer<ProducerEvents>>,
    polling: Option<(Sender<()>, JoinHandle<()>)>,
}

impl WireProducer {
    /// A producer of this configuration, that reports to `events`.
    ///
    /// # Errors
    /// Where librdkafka refuses a property, or there is no thread to be had.
    pub fn start(client: &ClientConfig, events: ProducerEvents) -> KafkaResult<Self> {
        let producer = Arc::new(BaseProducer::from_config_and_context(client, events)?);
        let polled = Arc::clone(&producer);
        let (stop, stopped) = mpsc::channel();
        let thread = thread::Builder::new()
            .name("producer".to_owned())
            .spawn(move || {
                while stopped.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                    (0..EVENTS).for_each(|_| polled.poll(Duration::ZERO));
                }
            })
            .map_err(|error| KafkaError::ClientCreation(error.to_string()))?;
        Ok(WireProducer { producer, polling: Some((stop, thread)) })
    }

    /// What it has reported.
    pub fn events(&self) -> &ProducerEvents {
        self.client().context()
    }
}

impl Deref for WireProducer {
    type Target = BaseProducer<ProducerEvents>;

    fn deref(&self) -> &Self::Target {
        &self.producer
    }
}

impl Drop for WireProducer {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.polling.take() {
            drop(stop);
            // Only a defect ends it with a panic, which has been printed.
            let _ = thread.join();
        }
    }
}
