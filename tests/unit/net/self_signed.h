// A certificate for 127.0.0.1 that nobody vouches for, made on the spot.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <boost/asio/ssl/context.hpp>

#include <string>

namespace voicectl::test {

struct SelfSigned {
    std::string certificate, key;  // PEM

    static SelfSigned create() {
        EVP_PKEY* pair = EVP_EC_gen("P-256");
        X509* x509 = X509_new();
        X509_set_version(x509, 2);
        ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
        X509_gmtime_adj(X509_getm_notBefore(x509), -60);
        X509_gmtime_adj(X509_getm_notAfter(x509), 3600);
        X509_set_pubkey(x509, pair);
        X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN", MBSTRING_ASC,
                                   reinterpret_cast<const unsigned char*>("test"), -1, -1, 0);
        X509_set_issuer_name(x509, X509_get_subject_name(x509));
        X509_EXTENSION* names = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "IP:127.0.0.1");
        X509_add_ext(x509, names, -1);
        X509_sign(x509, pair, EVP_sha256());
        SelfSigned out{pem([&](BIO* to) { PEM_write_bio_X509(to, x509); }),
                       pem([&](BIO* to) { PEM_write_bio_PrivateKey(to, pair, nullptr, nullptr, 0, nullptr, nullptr); })};
        X509_EXTENSION_free(names);
        X509_free(x509);
        EVP_PKEY_free(pair);
        return out;
    }

    boost::asio::ssl::context server() const {
        boost::asio::ssl::context context(boost::asio::ssl::context::tls_server);
        context.use_certificate(boost::asio::buffer(certificate), boost::asio::ssl::context::pem);
        context.use_private_key(boost::asio::buffer(key), boost::asio::ssl::context::pem);
        return context;
    }

 private:
    template<class Write>
    static std::string pem(Write write) {
        BIO* memory = BIO_new(BIO_s_mem());
        write(memory);
        char* data = nullptr;
        const long size = BIO_get_mem_data(memory, &data);
        std::string text(data, static_cast<std::size_t>(size));
        BIO_free(memory);
        return text;
    }
};

/// SSL_CERT_FILE names `certificate` for as long as this lives.
class TrustedFor {
 public:
    explicit TrustedFor(const std::string& certificate);
    ~TrustedFor();
    TrustedFor(const TrustedFor&) = delete;
    TrustedFor& operator=(const TrustedFor&) = delete;

 private:
    std::string path_;
};

}  // namespace voicectl::test
