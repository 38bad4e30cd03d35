//! What every store promises, on the database.

use causerie_store::contract_tests;

use crate::subject::OnCassandra;

contract_tests!(OnCassandra, without an event log);
