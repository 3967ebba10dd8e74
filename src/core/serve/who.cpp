#include "voicectl/serve/gate.h"

namespace voicectl::serve {

std::string_view to_string(Who who) {
    switch (who) {
        case Who::Nobody: return "nobody";
        case Who::User: return "user";
        case Who::Operator: return "operator";
        case Who::Service: return "service";
    }
    return "nobody";
}

}  // namespace voicectl::serve
