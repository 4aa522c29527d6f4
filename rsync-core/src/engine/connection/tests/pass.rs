//! Whole passes that succeed.

use super::*;

#[test]
fn a_pull_goes_through_and_both_ends_account_for_the_same_bytes() {
    let (client, agent) = pull(Compression::Auto, &Settings::default());
    assert_eq!(client.agreed.client_nonce, agent.agreed.client_nonce);
    assert_eq!(client.agreed.agent_nonce, agent.agreed.agent_nonce);
    assert_eq!(client.agreed.peer_version, env!("CARGO_PKG_VERSION"));
    let agent = thread::spawn(|| send_pass(agent));
    let here = receive_pass(client).unwrap();
    let there = agent.join().unwrap().unwrap();
    assert_eq!(here.received, there.sent);
    assert_eq!(there.received, here.sent);
    assert_eq!(here.received_unpacked, there.sent_unpacked);
    assert_eq!(there.received_unpacked, here.sent_unpacked);
}

#[test]
fn a_push_goes_through_too() {
    let (client_reader, client_writer, agent_reader, agent_writer) = pipes();
    let agent = thread::spawn(|| {
        let (request, connection) =
            accept(stream(agent_reader, agent_writer), &Settings::default())?;
        assert_eq!(request.role, Role::Receiver);
        receive_pass(connection.into_receiver()?)
    });
    let request = request(Role::Receiver, Compression::Auto);
    let client = connect(
        stream(client_reader, client_writer),
        &request,
        &Settings::default(),
    )
    .unwrap();
    assert_eq!(client.role(), Role::Sender);
    send_pass(client.into_sender().unwrap()).unwrap();
    agent.join().unwrap().unwrap();
}

#[test]
fn an_end_has_one_role_only() {
    let (client_reader, client_writer, agent_reader, agent_writer) = pipes();
    let agent = thread::spawn(|| accept(stream(agent_reader, agent_writer), &Settings::default()));
    let request = request(Role::Receiver, Compression::Off);
    let client = connect(
        stream(client_reader, client_writer),
        &request,
        &Settings::default(),
    )
    .unwrap();
    let (_, agent) = agent.join().unwrap().unwrap();
    assert!(matches!(
        client.into_receiver(),
        Err(ConnectionError::WrongRole)
    ));
    assert!(matches!(
        agent.into_sender(),
        Err(ConnectionError::WrongRole)
    ));
}

#[test]
fn a_greeting_before_the_agent_does_no_harm() {
    let (client_reader, client_writer, agent_reader, agent_writer) = pipes();
    let greeting = &b"Last login: never\r\n"[..];
    let agent = thread::spawn(|| {
        let (_, connection) = accept(stream(agent_reader, agent_writer), &Settings::default())?;
        send_pass(connection.into_sender()?)
    });
    let request = request(Role::Sender, Compression::Off);
    let noisy = stream(greeting.chain(client_reader), client_writer);
    let client = connect(noisy, &request, &Settings::default()).unwrap();
    receive_pass(client.into_receiver().unwrap()).unwrap();
    agent.join().unwrap().unwrap();
}

#[test]
fn a_pushed_message_goes_out_at_the_next_flush() {
    let (mut client, agent) = pull(Compression::Off, &Settings::default());
    agent.outbox.push(&source()).unwrap();
    agent.outbox.push(&listing()).unwrap();
    agent.outbox.flush();
    assert_eq!(client.inbox.recv().unwrap(), source());
    assert_eq!(client.inbox.recv().unwrap(), listing());
    assert_eq!(client.inbox.try_recv().unwrap(), None);
}
