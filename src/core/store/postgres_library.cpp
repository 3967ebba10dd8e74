#include "core/store/postgres_library.h"

#include "voicectl/base/shared_library.h"

namespace voicectl::store {
namespace {

Result<PostgresLibrary> load_libpq() {
    VC_TRY_ASSIGN(const auto library, SharedLibrary::open({"libpq.so.5"}, "install it: apt-get install libpq5"));
    PostgresLibrary pq{};
    VC_TRY(library.find_all({{"PQconninfoParse", &pq.conninfo_parse},
                             {"PQconninfoFree", &pq.conninfo_free},
                             {"PQfreemem", &pq.freemem},
                             {"PQconnectStartParams", &pq.connect_start},
                             {"PQconnectPoll", &pq.connect_poll},
                             {"PQconnectionNeedsPassword", &pq.needs_password},
                             {"PQsetErrorVerbosity", &pq.set_error_verbosity},
                             {"PQsetNoticeReceiver", &pq.set_notice_receiver},
                             {"PQsetnonblocking", &pq.set_nonblocking},
                             {"PQfinish", &pq.finish},
                             {"PQstatus", &pq.status},
                             {"PQtransactionStatus", &pq.transaction_status},
                             {"PQparameterStatus", &pq.parameter_status},
                             {"PQserverVersion", &pq.server_version},
                             {"PQbackendPID", &pq.backend_pid},
                             {"PQsocket", &pq.socket},
                             {"PQerrorMessage", &pq.error_message},
                             {"PQsendQuery", &pq.send_query},
                             {"PQsendPrepare", &pq.send_prepare},
                             {"PQsendQueryPrepared", &pq.send_query_prepared},
                             {"PQflush", &pq.flush},
                             {"PQconsumeInput", &pq.consume_input},
                             {"PQisBusy", &pq.is_busy},
                             {"PQgetResult", &pq.get_result},
                             {"PQresultStatus", &pq.result_status},
                             {"PQresultErrorField", &pq.result_error_field},
                             {"PQclear", &pq.clear},
                             {"PQntuples", &pq.ntuples},
                             {"PQgetisnull", &pq.getisnull},
                             {"PQgetvalue", &pq.getvalue},
                             {"PQgetlength", &pq.getlength},
                             {"PQcmdTuples", &pq.cmd_tuples},
                             {"PQcmdStatus", &pq.cmd_status},
                             {"PQputCopyData", &pq.put_copy_data},
                             {"PQputCopyEnd", &pq.put_copy_end}}));
    return pq;
}

}  // namespace

Result<const PostgresLibrary*> postgres_library() {
    static const Result<PostgresLibrary> library = load_libpq();
    if (!library) return std::unexpected(library.error());
    return &*library;
}

}  // namespace voicectl::store
