// libpq's functions, loaded when first asked for: linked it would cost every start of voicectl 3 ms. Any thread.
#pragma once

#include <libpq-fe.h>

#include "voicectl/base/result.h"

namespace voicectl::store {

struct PostgresLibrary {
    decltype(&::PQconninfoParse) conninfo_parse;
    decltype(&::PQconninfoFree) conninfo_free;
    decltype(&::PQfreemem) freemem;
    decltype(&::PQconnectStartParams) connect_start;
    decltype(&::PQconnectPoll) connect_poll;
    decltype(&::PQconnectionNeedsPassword) needs_password;
    decltype(&::PQsetErrorVerbosity) set_error_verbosity;
    decltype(&::PQsetNoticeReceiver) set_notice_receiver;
    decltype(&::PQsetnonblocking) set_nonblocking;
    decltype(&::PQfinish) finish;
    decltype(&::PQstatus) status;
    decltype(&::PQtransactionStatus) transaction_status;
    decltype(&::PQparameterStatus) parameter_status;
    decltype(&::PQserverVersion) server_version;
    decltype(&::PQbackendPID) backend_pid;
    decltype(&::PQsocket) socket;
    decltype(&::PQerrorMessage) error_message;
    decltype(&::PQsendQuery) send_query;
    decltype(&::PQsendPrepare) send_prepare;
    decltype(&::PQsendQueryPrepared) send_query_prepared;
    decltype(&::PQflush) flush;
    decltype(&::PQconsumeInput) consume_input;
    decltype(&::PQisBusy) is_busy;
    decltype(&::PQgetResult) get_result;
    decltype(&::PQresultStatus) result_status;
    decltype(&::PQresultErrorField) result_error_field;
    decltype(&::PQclear) clear;
    decltype(&::PQntuples) ntuples;
    decltype(&::PQgetisnull) getisnull;
    decltype(&::PQgetvalue) getvalue;
    decltype(&::PQgetlength) getlength;
    decltype(&::PQcmdTuples) cmd_tuples;
    decltype(&::PQcmdStatus) cmd_status;
    decltype(&::PQputCopyData) put_copy_data;
    decltype(&::PQputCopyEnd) put_copy_end;
};

/// Missing, with a hint, when there is no libpq.
Result<const PostgresLibrary*> postgres_library();

}  // namespace voicectl::store
