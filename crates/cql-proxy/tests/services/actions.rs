//! Each action, and what the server and the client know afterwards.

use anyhow::{Result, bail};
use causerie_cql_proxy::{Action, Failure, Kind, Pick, ProxyError, WriteType};
use scylla::errors::{DbError, ExecutionError, RequestAttemptError};

use crate::world::with_world;

/// What the server said, by the client's account.
fn said(error: &anyhow::Error) -> Result<DbError> {
    match error.downcast_ref::<ExecutionError>() {
        Some(ExecutionError::LastAttemptError(RequestAttemptError::DbError(error, _))) => Ok(error.clone()),
        other => bail!("no answer of a server: {other:?}"),
    }
}

fn timed_out(result: &Result<()>) -> bool {
    let error = result.as_ref().err().and_then(|error| error.downcast_ref::<ExecutionError>());
    matches!(error, Some(ExecutionError::RequestTimeout(_)))
}

fn inserts() -> Pick {
    Pick::of(Kind::Execute).text("insert into").text("rows")
}

#[tokio::test]
async fn a_dropped_request_never_reaches_the_server() -> Result<()> {
    with_world(async |world| {
        let rule = world.proxy.rule(inserts().once(), Action::DropRequest);
        assert!(timed_out(&world.write(1).await));
        rule.took_effect(1).await?;
        assert!(!world.has(1).await?);
        world.write(2).await?;
        assert!(world.has(2).await?);
        assert_eq!(rule.effects(), 1);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn the_answer_to_an_applied_request_is_dropped() -> Result<()> {
    with_world(async |world| {
        let rule = world.proxy.rule(inserts().once(), Action::DropAnswer);
        assert!(timed_out(&world.write(1).await));
        rule.took_effect(1).await?;
        assert!(world.has(1).await?);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_held_request_waits_and_lands_late() -> Result<()> {
    with_world(async |world| {
        let rule = world.proxy.rule(inserts().once(), Action::HoldRequest);
        let write = tokio::join!(world.write(1), async {
            rule.took_effect(1).await?;
            // Others pass by it, on the same connection.
            world.write(2).await?;
            assert!(!world.has(1).await?);
            assert_eq!((rule.held(), rule.release(), rule.held()), (1, 1, 0));
            anyhow::Ok(())
        });
        write.0?;
        write.1?;
        assert!(world.has(1).await?);

        // Its client gives up and its connection is gone: it lands all the same.
        let rule = world.proxy.rule(inserts().once(), Action::HoldRequest);
        assert!(timed_out(&world.write(3).await));
        world.proxy.cut();
        assert!(!world.has(3).await?);
        assert_eq!(rule.release(), 1);
        world.comes_to_have(3).await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_held_answer_is_that_of_an_applied_request() -> Result<()> {
    with_world(async |world| {
        let rule = world.proxy.rule(inserts().once(), Action::HoldAnswer);
        let (write, held) = tokio::join!(world.write(1), async {
            rule.took_effect(1).await?;
            assert!(world.has(1).await?);
            assert_eq!(rule.release(), 1);
            anyhow::Ok(())
        });
        write?;
        held?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_connection_ends_before_or_after_the_server_has_the_request() -> Result<()> {
    with_world(async |world| {
        for (id, action, applied) in [(1, Action::CloseBefore, false), (2, Action::CloseAfter, true)] {
            let rule = world.proxy.rule(inserts().once(), action);
            let result = world.write(id).await;
            rule.took_effect(1).await?;
            let Err(error) = result else { bail!("{action:?} was not noticed") };
            assert!(
                matches!(
                    error.downcast_ref::<ExecutionError>(),
                    Some(ExecutionError::LastAttemptError(RequestAttemptError::BrokenConnectionError(_)))
                ),
                "{action:?}: {error:?}"
            );
            assert_eq!(world.has(id).await?, applied, "{action:?}");
            world.recovers(10 + id).await?;
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn failures_are_told_in_the_servers_place() -> Result<()> {
    with_world(async |world| {
        let failures = [
            Failure::WriteTimeout(WriteType::Simple),
            Failure::WriteTimeout(WriteType::Batch),
            Failure::WriteTimeout(WriteType::UnloggedBatch),
            Failure::WriteTimeout(WriteType::Cas),
            Failure::ReadTimeout,
            Failure::Unavailable,
            Failure::Overloaded,
            Failure::ServerError,
        ];
        for (id, failure) in (0..).step_by(2).zip(failures) {
            for (id, action, applied) in
                [(id, Action::Answer(failure), false), (id + 1, Action::Replace(failure), true)]
            {
                let rule = world.proxy.rule(inserts().once(), action);
                let Err(error) = world.write(id).await else { bail!("{action:?} was not told") };
                assert!(is(&said(&error)?, failure), "{action:?}: {error:?}");
                rule.took_effect(1).await?;
                assert_eq!(world.has(id).await?, applied, "{action:?}");
            }
        }
        Ok(())
    })
    .await
}

fn is(said: &DbError, failure: Failure) -> bool {
    use scylla::errors::WriteType as Driver;
    match (said, failure) {
        (DbError::WriteTimeout { received: 1, required: 2, write_type, .. }, Failure::WriteTimeout(kind)) => {
            matches!(
                (write_type, kind),
                (Driver::Simple, WriteType::Simple)
                    | (Driver::Batch, WriteType::Batch)
                    | (Driver::UnloggedBatch, WriteType::UnloggedBatch)
                    | (Driver::Cas, WriteType::Cas)
            )
        }
        (DbError::ReadTimeout { data_present: false, .. }, Failure::ReadTimeout)
        | (DbError::Unavailable { required: 2, alive: 1, .. }, Failure::Unavailable)
        | (DbError::Overloaded, Failure::Overloaded)
        | (DbError::ServerError, Failure::ServerError) => true,
        _ => false,
    }
}

#[tokio::test]
async fn an_error_of_the_server_passes_and_uses_up_no_turn() -> Result<()> {
    with_world(async |world| {
        let rule = world.proxy.rule(Pick::of(Kind::Query).once(), Action::DropAnswer);
        let refused =
            world.session.query_unpaged(format!("SELECT nothing FROM {}.rows", world.keyspace), ()).await;
        assert!(matches!(said(&refused.map(|_| ()).unwrap_err().into())?, DbError::Invalid));
        assert_eq!(rule.effects(), 0);
        let lost =
            world.session.query_unpaged(format!("SELECT value FROM {}.rows", world.keyspace), ()).await;
        assert!(matches!(lost, Err(ExecutionError::RequestTimeout(_))), "{lost:?}");
        rule.took_effect(1).await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_cut_link_refuses_all_until_it_is_mended() -> Result<()> {
    with_world(async |world| {
        world.write(1).await?;
        world.proxy.cut();
        assert!(world.write(2).await.is_err());
        assert!(!world.has(2).await?);
        world.proxy.mend();
        world.recovers(3).await?;
        Ok(())
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn a_fault_that_never_happens_fails_the_test() -> Result<()> {
    let proxy = causerie_cql_proxy::Proxy::start("127.0.0.1:1").await?;
    let rule = proxy.rule(Pick::any().once(), Action::DropAnswer);
    assert!(matches!(rule.took_effect(1).await, Err(ProxyError::NoEffect { wanted: 1, seen: 0, .. })));
    Ok(())
}
