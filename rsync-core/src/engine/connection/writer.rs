//! The thread that writes: control frames first, then batches as credit and bandwidth allow.

use std::io::{self, Write};
use std::sync::Arc;

use super::ConnectionError;
use super::shared::{Shared, State};
use crate::options::Compression;
use crate::session::Time;
use crate::wire::compress::policy::{Decision, FAR, Policy, Sent};
use crate::wire::compress::{Codec, CompressError, Packer};
use crate::wire::frame::{FrameType, HEADER_LEN, Header};

/// Most bytes in one call of `write`, so that slow progress shows as progress.
const MAX_WRITE_LEN: usize = 64 << 10;
/// How long the reader may take to find out what a failed write means.
const READER_FIRST: Time = Time::from_secs(1);

/// Writes until the conversation is over or has failed.
pub(super) fn run(stream: Box<dyn Write + Send>, shared: &Arc<Shared>) {
    let mut writer = Writer {
        stream,
        shared,
        control: Vec::new(),
        packed: Vec::new(),
        packing: None,
    };
    let result = writer.write_all_jobs();
    drop(writer);
    let mut state = shared.lock();
    if let Err(error) = result {
        // A closed stream has a reason, and that reason may be on its way to the reader.
        let until = shared.now() + READER_FIRST;
        while matches!(error, ConnectionError::Io { .. })
            && state.failure.is_none()
            && shared.now() < until
        {
            state = shared.wait(&shared.arrived, state, until);
        }
        shared.fail(&mut state, error);
    }
    state.writer_done = true;
    shared.arrived.notify_all();
}

struct Writer<'a> {
    stream: Box<dyn Write + Send>,
    shared: &'a Arc<Shared>,
    control: Vec<u8>,
    /// The frame that carries a packed batch.
    packed: Vec<u8>,
    packing: Option<Packing>,
}

struct Packing {
    policy: Policy,
    packer: Packer,
}

/// What to write next, besides the control frames in [`Writer::control`].
enum Job {
    /// Only control frames.
    Control,
    Batch(Batch),
    /// Control frames, the last ones.
    Last,
}

/// A batch that may go out.
struct Batch {
    /// Room for a header, and the messages.
    bytes: Vec<u8>,
    /// Since when only the link was in its way.
    ready_since: Time,
    /// The shortest round trip so far.
    round_trip: Option<Time>,
    /// True if more is queued behind it.
    more: bool,
}

impl Writer<'_> {
    fn write_all_jobs(&mut self) -> Result<(), ConnectionError> {
        loop {
            self.control.clear();
            let job = self.next_job();
            if !self.control.is_empty() {
                let control = std::mem::take(&mut self.control);
                let written = self.write(&control);
                self.control = control;
                written?;
            }
            match job {
                Job::Control => {}
                Job::Batch(batch) => self.write_batch(batch)?,
                Job::Last => {
                    self.flush()?;
                    return Ok(());
                }
            }
            self.flush()?;
        }
    }

    fn next_job(&mut self) -> Job {
        let shared = self.shared;
        let mut state = shared.lock();
        let mut ready_since = None;
        let (mut without_credit, mut peer_time) = (None, Time::ZERO);
        loop {
            let (now, heard) = (shared.now(), shared.heard());
            if state.failure.is_some() {
                state.session.poll_control(now, heard, &mut self.control);
                return Job::Last;
            }
            self.say_goodbye_if_done(&mut state);
            if let Some(len) = state.outgoing.next_len() {
                ready_since.get_or_insert(now);
                if state.session.has_credit(len) {
                    if let Some(since) = without_credit.take() {
                        peer_time += peer_time_between(&mut state, since, now);
                    }
                } else if without_credit.is_none() {
                    without_credit = Some(now);
                    state.session.heartbeat().ask();
                }
            }
            state.session.poll_control(now, heard, &mut self.control);
            if state.session.is_over() {
                return Job::Last;
            }
            let mut until = state.session.next_control(heard);
            if let (Some(len), Some(ready_since)) = (state.outgoing.next_len(), ready_since) {
                let free_at = state.session.free_at();
                if state.session.has_credit(len) {
                    if free_at <= now
                        && let Some(bytes) = state.outgoing.take()
                    {
                        if state.senders_waiting > 0 {
                            shared.room.notify_all();
                        }
                        return Job::Batch(Batch {
                            bytes,
                            ready_since: ready_since + peer_time,
                            round_trip: state.session.heartbeat().round_trip(),
                            more: state.outgoing.is_due(),
                        });
                    }
                    until = until.min(free_at);
                }
            }
            if !self.control.is_empty() {
                return Job::Control;
            }
            state.writer_idle = true;
            state.writer_held_up = state.outgoing.is_due();
            state = shared.wait(&shared.work, state, until);
            state.writer_idle = false;
            state.writer_held_up = false;
        }
    }

    fn say_goodbye_if_done(&self, state: &mut State) {
        if !state.outgoing.is_empty() {
            if state.session.peer_has_left() && !state.session.is_over() {
                self.shared.fail(state, ConnectionError::LeftEarly);
            }
        } else if state.closing && state.session.may_leave() {
            if state.incoming.is_empty() || state.leaves {
                state.session.say_goodbye();
            } else {
                self.shared.fail(state, ConnectionError::Unheard);
            }
        }
    }

    fn write_batch(&mut self, batch: Batch) -> Result<(), ConnectionError> {
        let Batch {
            bytes: mut batch,
            ready_since,
            round_trip,
            more,
        } = batch;
        let before = self.shared.now();
        let unpacked_len = batch.len() - HEADER_LEN;
        let is_packed = self.pack(&batch[HEADER_LEN..], round_trip)?;
        let packed_at = self.shared.now();
        let mut frame = std::mem::take(&mut self.packed);
        let bytes = if is_packed { &mut frame } else { &mut batch };
        let len = bytes.len() - HEADER_LEN;
        let header = Header {
            frame_type: Some(FrameType::Messages),
            len,
            compressed: is_packed,
        };
        bytes[..HEADER_LEN].copy_from_slice(&header.encode());
        {
            let mut state = self.shared.lock();
            state.session.sent_messages(packed_at, len);
            state.traffic.sent_unpacked += unpacked_len as u64;
        }
        let written = self.write(bytes);
        self.packed = frame;
        written?;
        let packing = packed_at.saturating_sub(before);
        if more && let Some(Packing { policy, .. }) = &mut self.packing {
            let elapsed = self.shared.now().saturating_sub(ready_since);
            policy.sent(Sent {
                unpacked_len,
                wire_len: len,
                packing: if is_packed { packing } else { Time::ZERO },
                waiting: elapsed.saturating_sub(packing),
            });
        }
        self.shared.lock().outgoing.recycle(batch);
        Ok(())
    }

    /// Packs `batch` into a frame, if that is worth it.
    fn pack(&mut self, batch: &[u8], round_trip: Option<Time>) -> Result<bool, CompressError> {
        if self.packing.is_none() {
            self.packing = self.start_packing()?;
        }
        let Some(Packing { policy, packer }) = &mut self.packing else {
            return Ok(false);
        };
        if let Some(round_trip) = round_trip {
            policy.round_trip(round_trip);
        }
        match policy.decide(batch.len()) {
            Decision::Raw => return Ok(false),
            Decision::Probe => {
                let shrinks = packer.probe(batch);
                policy.probed(shrinks);
                if !shrinks {
                    return Ok(false);
                }
            }
            Decision::Pack => {}
        }
        self.packed.clear();
        self.packed.resize(HEADER_LEN, 0);
        packer.set_effort(policy.effort());
        let is_packed = packer.pack(batch, &mut self.packed)?;
        let packed_len = self.packed.len() - HEADER_LEN;
        policy.probed(is_packed && crate::wire::compress::shrinks(batch.len(), packed_len));
        Ok(is_packed)
    }

    fn start_packing(&self) -> Result<Option<Packing>, CompressError> {
        let state = self.shared.lock();
        let codec = state
            .session
            .agreed()
            .map_or(Codec::None, |agreed| agreed.codec);
        let wish = state.compression;
        drop(state);
        let policy = Policy::new(if codec == Codec::None {
            Compression::Off
        } else {
            wish
        });
        let packer = Packer::new(codec, policy.effort())?;
        Ok(Some(Packing { policy, packer }))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), ConnectionError> {
        let mut left = bytes;
        while !left.is_empty() {
            self.shared.note_writing();
            match self.stream.write(&left[..left.len().min(MAX_WRITE_LEN)]) {
                Ok(0) => return Err(ConnectionError::write(io::ErrorKind::WriteZero.into())),
                Ok(len) => left = &left[len..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(ConnectionError::write(error)),
            }
        }
        self.shared.note_written();
        self.shared.lock().traffic.sent += bytes.len() as u64;
        Ok(())
    }

    fn flush(&mut self) -> Result<(), ConnectionError> {
        self.shared.note_writing();
        self.stream.flush().map_err(ConnectionError::write)?;
        self.shared.note_written();
        Ok(())
    }
}

/// How much of a time without credit was not the link's: none if the peer is far away, where credit
/// comes late by nature.
fn peer_time_between(state: &mut State, since: Time, now: Time) -> Time {
    let heartbeat = state.session.heartbeat();
    if heartbeat
        .round_trip()
        .is_none_or(|round_trip| round_trip >= FAR)
    {
        return Time::ZERO;
    }
    now.saturating_sub(since)
        .saturating_sub(heartbeat.queueing(since, now))
}
