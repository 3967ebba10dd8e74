// Made by token_vectors.py with PyJWT 2.15.1.
#pragma once

#include <array>
#include <string_view>

namespace voicectl::serve {

inline constexpr long long kVectorTime = 1800000000;
inline constexpr std::string_view kVectorSecret = "a secret of the issuer, of more than 32 bytes", kVectorIssuer = "https://issuer.test/auth/v1", kVectorUser = "0b5a7a1c-2f5e-4d0e-9d3b-6f1f6f8f2b11";
inline constexpr std::string_view kVectorKeys =
         "{\"keys\": [{\"kty\": \"RSA\", \"n\": \"xbpJhygVgV-CyEuuAeaZy5YtbJ43WqPZgpqq8nuRom27oVs408S2tacxYo_dgEDbM9pj0e1ytvsrXfr4hLoFx_nsLJE91dTqOQUpH-eUAsT7Uwi1zxjnNJc"
         "Lga4CuFt0YefzX5CSvVSbhjwFSUCT4PTwxUOnKse83JolCIpExCi7PTfmIJWJY2qQP2t2BY1B83TzCFNLGcPskZ2PWH9WzsLtdOPA2e8qq_QYQD9L91vuMxGv0br4P9bkrMpLW00MKm7vJ6f-3Abs1"
         "aGhsWLdlPik38XKLCIv-KMD8qcW9WAM8-1BVxQklMBLqcMDcUDqyDmfwlX4WaetDBi1ZWat8Q\", \"e\": \"AQAB\", \"kid\": \"rsa\", \"alg\": \"RS256\", \"use\": \"sig\"}, {\"kty\": \"EC\", \"c"
         "rv\": \"P-256\", \"x\": \"8ZKnxIhV9HTWmjDjCIEq3fsXDkPsH_H1adQhptyPsc8\", \"y\": \"ZISkueyRZv8o1y4h3uupfIMJb__T66Ef5JJJGsviIYE\", \"kid\": \"ec\", \"use\": \"sig\"}, {\"x\""
         ": \"txmIU1CftfIHdRFSf2EhFmkSNRnZw7mpOnxaiseeELU\", \"kty\": \"OKP\", \"crv\": \"Ed25519\", \"kid\": \"ed\"}, {\"kty\": \"RSA\", \"n\": \"rPVc00vyG8viJZ3Mz4hY53rU6z0D7p9S8E"
         "lrYt7qq9uru9jAOnpfV_J8L7FOzteKZBLvsSOGrfKLT7LWBO-mTOSzpg2F44MqirCFuI7-PpoGMJ4ZwmrCmdnDUgoji7T9b8og1PSQYqsiCQCOoWS771QGl1z7swUBzyoKB9Tg5Gs\", \"e\": \"AQAB"
         "\", \"kid\": \"small\"}, {\"kty\": \"RSA\", \"n\": \"wLQs7Ob96hWW9g6VWLEwj9IFLbJQlWVSCHh0VGlKVAm40EeKpElgFiVw62tM5w1aCltiqmAovNW41qLG-Da4ObwB6ys4PNSVXKlykXM-otBHs"
         "ujtQTy-U9uM6e9yQP1BtBg4vibW77r0w4NFUWBxNtbfXLLtxW6EkcuCazcZBm0Ump73xeSFefpK4Dse-LhEwdDb4uwp5f0lJ4moLOKR6yBopgVtBWj7QR0ersBrJUoEDptBofPzpKVMdxc5XLGnH1t"
         "Juf8rm8hWMpD-DKTYk5y-VpOnAluhWT55QdAXqU07dbgZvfzIl17KiNLvTos1PZYL0wqFhPk3WpUd4uds4w\", \"e\": \"AQAB\", \"kid\": \"enc\", \"use\": \"enc\"}, {\"kty\": \"RSA\", \"n\": \"w"
         "LQs7Ob96hWW9g6VWLEwj9IFLbJQlWVSCHh0VGlKVAm40EeKpElgFiVw62tM5w1aCltiqmAovNW41qLG-Da4ObwB6ys4PNSVXKlykXM-otBHsujtQTy-U9uM6e9yQP1BtBg4vibW77r0w4NFUWBxNtb"
         "fXLLtxW6EkcuCazcZBm0Ump73xeSFefpK4Dse-LhEwdDb4uwp5f0lJ4moLOKR6yBopgVtBWj7QR0ersBrJUoEDptBofPzpKVMdxc5XLGnH1tJuf8rm8hWMpD-DKTYk5y-VpOnAluhWT55QdAXqU07d"
         "bgZvfzIl17KiNLvTos1PZYL0wqFhPk3WpUd4uds4w\", \"e\": \"AQAB\", \"kid\": \"ps\", \"alg\": \"PS256\"}, {\"kty\": \"oct\", \"k\": \"c2VjcmV0\", \"kid\": \"oct\", \"alg\": \"HS256\"}, "
         "{\"kty\": \"new\"}, 7]}";

struct TokenVector {
    std::string_view name, token, fault;  // fault: part of what is said about it; empty when it is good
};
inline constexpr TokenVector kTokenVectors[] = {
    {"HS256",
         "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIwYjVhN2ExYy0yZjVlLTRkMGUtOWQzYi02ZjFmNmY4ZjJiMTEiLCJhdWQiOiJhdXRoZW50aWNhdGVkIiwiZXhwIjoxODAwMDAzNjAwL"
         "CJpYXQiOjE3OTk5OTk5OTUsImlzcyI6Imh0dHBzOi8vaXNzdWVyLnRlc3QvYXV0aC92MSIsInJvbGUiOiJhdXRoZW50aWNhdGVkIiwiZW1haWwiOiJhbm5AZXhhbXBsZS50ZXN0Iiwic2Vzc2lvbl9"
         "pZCI6IngiLCJhcHBfbWV0YWRhdGEiOnsicHJvdmlkZXIiOiJlbWFpbCJ9LCJ1c2VyX21ldGFkYXRhIjp7fSwiYW1yIjpbeyJtZXRob2QiOiJwYXNzd29yZCIsInRpbWVzdGFtcCI6MTc5OTk5OTk5N"
         "X1dLCJpc19hbm9ueW1vdXMiOmZhbHNlfQ.Ou60hXCsaXH3diK3rt4dsMNYLW_vlMmjrDw90N6FhoY",
         ""},
    {"HS256, several audiences",
         "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIwYjVhN2ExYy0yZjVlLTRkMGUtOWQzYi02ZjFmNmY4ZjJiMTEiLCJhdWQiOlsib3RoZXIiLCJhdXRoZW50aWNhdGVkIl0sImV4cCI6M"
         "TgwMDAwMzYwMCwiaWF0IjoxNzk5OTk5OTk1LCJpc3MiOiJodHRwczovL2lzc3Vlci50ZXN0L2F1dGgvdjEiLCJyb2xlIjoiYXV0aGVudGljYXRlZCIsImVtYWlsIjoiYW5uQGV4YW1wbGUudGVzdCI"
         "sInNlc3Npb25faWQiOiJ4IiwiYXBwX21ldGFkYXRhIjp7InByb3ZpZGVyIjoiZW1haWwifSwidXNlcl9tZXRhZGF0YSI6e30sImFtciI6W3sibWV0aG9kIjoicGFzc3dvcmQiLCJ0aW1lc3RhbXAiO"
         "jE3OTk5OTk5OTV9XSwiaXNfYW5vbnltb3VzIjpmYWxzZX0.cEOJHkObzvNxypRcX0diFWBnVkI6Er1T4JiMLs7PMD8",
         ""},
    {"HS256 with a kid",
         "eyJhbGciOiJIUzI1NiIsImtpZCI6Im1haW4iLCJ0eXAiOiJKV1QifQ.eyJzdWIiOiIwYjVhN2ExYy0yZjVlLTRkMGUtOWQzYi02ZjFmNmY4ZjJiMTEiLCJhdWQiOiJhdXRoZW50aWNhdGVkIiwiZXh"
         "wIjoxODAwMDAzNjAwLCJpYXQiOjE3OTk5OTk5OTUsImlzcyI6Imh0dHBzOi8vaXNzdWVyLnRlc3QvYXV0aC92MSIsInJvbGUiOiJhdXRoZW50aWNhdGVkIiwiZW1haWwiOiJhbm5AZXhhbXBsZS50Z"
         "XN0Iiwic2Vzc2lvbl9pZCI6IngiLCJhcHBfbWV0YWRhdGEiOnsicHJvdmlkZXIiOiJlbWFpbCJ9LCJ1c2VyX21ldGFkYXRhIjp7fSwiYW1yIjpbeyJtZXRob2QiOiJwYXNzd29yZCIsInRpbWVzdGF"
         "tcCI6MTc5OTk5OTk5NX1dLCJpc19hbm9ueW1vdXMiOmZhbHNlfQ.qScYWhNpepYIJ5-5FodwCsLa14GtWJ0QnoqPXlxENvo",
         ""},
    {"HS256, no type",
         "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIwYjVhN2ExYy0yZjVlLTRkMGUtOWQzYi02ZjFmNmY4ZjJiMTEiLCJhdWQiOiJhdXRoZW50aWNhdGVkIiwiZXhwIjoxODAwMDAzNjAwLCJpYXQiOjE3OTk5O"
         "Tk5OTUsImlzcyI6Imh0dHBzOi8vaXNzdWVyLnRlc3QvYXV0aC92MSIsInJvbGUiOiJhdXRoZW50aWNhdGVkIiwiZW1haWwiOiJhbm5AZXhhbXBsZS50ZXN0Iiwic2Vzc2lvbl9pZCI6IngiLCJhcHB"
         "fbWV0YWRhdGEiOnsicHJvdmlkZXIiOiJlbWFpbCJ9LCJ1c2VyX21ldGFkYXRhIjp7fSwiYW1yIjpbeyJtZXRob2QiOiJwYXNzd29yZCIsInRpbWVzdGFtcCI6MTc5OTk5OTk5NX1dLCJpc19hbm9ue"
         "W1vdXMiOmZhbHNlfQ.G98tKrhwc3AqWXoE-wJSZ093v23-_WpHQKveRu1PoOA",
         ""},
    {"within the leeway",
         "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIwYjVhN2ExYy0yZjVlLTRkMGUtOWQzYi02ZjFmNmY4ZjJiMTEiLCJhdWQiOiJhdXRoZW50aWNhdGVkIiwiZXhwIjoxNzk5OTk5OTkxL"
         "CJpYXQiOjE3OTk5OTk5OTUsImlzcyI6Imh0dHBzOi8vaXNzdWVyLnRlc3QvYXV0aC92MSIsInJvbGUiOiJhdXRoZW50aWNhdGVkIiwiZW1haWwiOiJhbm5AZXhhbXBsZS50ZXN0Iiwic2Vzc2lvbl9"
         "pZCI6IngiLCJhcHBfbWV0YWRhdGEiOnsicHJvdmlkZXIiOiJlbWFpbCJ9LCJ1c2VyX21ldGFkYXRhIjp7fSwiYW1yIjpbeyJtZXRob2QiOiJwYXNzd29yZCIsInRpbWVzdGFtcCI6MTc5OTk5OTk5N"
         "X1dLCJpc19hbm9ueW1vdXMiOmZhbHNlLCJuYmYiOjE4MDAwMDAwMDl9.lvVQULWMbBYpS3_5OTS59dL2_MU8iuh5nJ2u39S-2ik",
         ""},
    {"times with fractions",
         "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIwYjVhN2ExYy0yZjVlLTRkMGUtOWQzYi02ZjFmNmY4ZjJiMTEiLCJhdWQiOiJhdXRoZW50aWNhdGVkIiwiZXhwIjoxODAwMDAwMDAwL"
         "jUsImlhdCI6MTc5OTk5OTk5NSwiaXNzIjoiaHR0cHM6Ly9pc3N1ZXIudGVzdC9hdXRoL3YxIiwicm9sZSI6ImF1dGhlbnRpY2F0ZWQiLCJlbWFpbCI6ImFubkBleGFtcGxlLnRlc3QiLCJzZXNzaW9"
         "uX2lkIjoieCIsImFwcF9tZXRhZGF0YSI6eyJwcm92aWRlciI6ImVtYWlsIn0sInVzZXJfbWV0YWRhdGEiOnt9LCJhbXIiOlt7Im1ldGhvZCI6InBhc3N3b3JkIiwidGltZXN0YW1wIjoxNzk5OTk5O"
         "Tk1fV0sImlzX2Fub255bW91cyI6ZmFsc2V9.prWACtwLSY1ipw4muXLytY0lnb-7J4FswIf2blFpVHc",
         ""},
    {"RS256",
         "eyJhbGciOiJSUzI1NiIsImtpZCI6InJzYSIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIwYjVhN2ExYy0yZjVlLTRkMGUtOWQzYi02ZjFmNmY4ZjJiMTEiLCJhdWQiOiJhdXRoZW50aWNhdGVkIiwiZXhwI"
         "joxODAwMDAzNjAwLCJpYXQiOjE3OTk5OTk5OTUsImlzcyI6Imh0dHBzOi8vaXNzdWVyLnRlc3QvYXV0aC92MSIsInJvbGUiOiJhdXRoZW50aWNhdGVkIiwiZW1haWwiOiJhbm5AZXhhbXBsZS50ZXN"
         "0Iiwic2Vzc2lvbl9pZCI6IngiLCJhcHBfbWV0YWRhdGEiOnsicHJvdmlkZXIiOiJlbWFpbCJ9LCJ1c2VyX21ldGFkYXRhIjp7fSwiYW1yIjpbeyJtZXRob2QiOiJwYXNzd29yZCIsInRpbWVzdGFtc"
         "CI6MTc5OTk5OTk5NX1dLCJpc19hbm9ueW1vdXMiOmZhbHNlfQ.YtyrMQGb0pUBdVWXNI8Q1jgJDdss8KOsE2_PBb3k5KYmaLXSIDf9ME7gMwA90xrtdX3iJ00Kv-d8C5Z9FiThtZW2ocAqlxm2iKTb"
         "4P8qMdkZBp6rp01pza6VjyUECvV3uxITta-AshQBGPBVF-qGvWfNRB3bZ7MkuWoXperSQ3r9GdZ3RI9hBleSxbS1AFY-okpnmfYkuoG947IgcvfhyKwFs4-fZHE8JkMGG6sSr2HL3c22Pb3nLwTbUO"
         "bPYoMaH06o3aif0XzAfNvtBt5OjX3BLr4x5sRblGec8rwB4LrRqY5TxVZTd_UissB8Yuim1LyM_846KiHCSuiASeb3Bg",
         ""},
    {"ES256",
         "eyJhbGciOiJFUzI1NiIsImtpZCI6ImVjIiwidHlwIjoiSldUIn0.eyJzdWIiOiIwYjVhN2ExYy0yZjVlLTRkMGUtOWQzYi02ZjFmNmY4ZjJiMTEiLCJhdWQiOiJhdXRoZW50aWNhdGVkIiwiZXhwIj"
         "oxODAwMDAzNjAwLCJpYXQiOjE3OTk5OTk5OTUsImlzcyI6Imh0dHBzOi8vaXNzdWVyLnRlc3QvYXV0aC92MSIsInJvbGUiOiJhdXRoZW50aWNhdGVkIiwiZW1haWwiOiJhbm5AZXhhbXBsZS50ZXN0"
         "Iiwic2Vzc2lvbl9pZCI6IngiLCJhcHBfbWV0YWRhdGEiOnsicHJvdmlkZXIiOiJlbWFpbCJ9LCJ1c2VyX21ldGFkYXRhIjp7fSwiYW1yIjpbeyJtZXRob2QiOiJwYXNzd29yZCIsInRpbWVzdGFtcC"
         "I6MTc5OTk5OTk5NX1dLCJpc19hbm9ueW1vdXMiOmZhbHNlfQ.pXapbXeiuGGp_1KDyUz7xMVqQpPagV3pRFNa_nTI5VHCrg4gR4ny800KuQT3duW_VelZSm0dugATdWL_V2hriw",
         ""},
    {"EdDSA",
         "eyJhbGciOiJFZERTQSIsImtpZCI6ImVkIiwidHlwIjoiSldUIn0.eyJzdWIiOiIwYjVhN2ExYy0yZjVlLTRkMGUtOWQzYi02ZjFmNmY4ZjJiMTEiLCJhdWQiOiJhdXRoZW50aWNhdGVkIiwiZXhwIj"
         "oxODAwMDAzNjAwLCJpYXQiOjE3OTk5OTk5OTUsImlzcyI6Imh0dHBzOi8vaXNzdWVyLnRlc3QvYXV0aC92MSIsInJvbGUiOiJhdXRoZW50aWNhdGVkIiwiZW1haWwiOiJhbm5AZXhhbXBsZS50ZXN0"
         "Iiwic2Vzc2lvbl9pZCI6IngiLCJhcHBfbWV0YWRhdGEiOnsicHJvdmlkZXIiOiJlbWFpbCJ9LCJ1c2VyX21ldGFkYXRhIjp7fSwiYW1yIjpbeyJtZXRob2QiOiJwYXNzd29yZCIsInRpbWVzdGFtcC"
         "I6MTc5OTk5OTk5NX1dLCJpc19hbm9ueW1vdXMiOmZhbHNlfQ.xBMvmENK2f3Td0b23iCMYASiKKBr-THN8erqYcLdjbQwILJi3YnWXmLTzbdcrx5RZAK_SXllorgfKSKFTdP5Ag",
         ""},
    {"RS256 without a kid, one of its kind",
         "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIwYjVhN2ExYy0yZjVlLTRkMGUtOWQzYi02ZjFmNmY4ZjJiMTEiLCJhdWQiOiJhdXRoZW50aWNhdGVkIiwiZXhwIjoxODAwMDAzNjAwL"
         "CJpYXQiOjE3OTk5OTk5OTUsImlzcyI6Imh0dHBzOi8vaXNzdWVyLnRlc3QvYXV0aC92MSIsInJvbGUiOiJhdXRoZW50aWNhdGVkIiwiZW1haWwiOiJhbm5AZXhhbXBsZS50ZXN0Iiwic2Vzc2lvbl9"
         "pZCI6IngiLCJhcHBfbWV0YWRhdGEiOnsicHJvdmlkZXIiOiJlbWFpbCJ9LCJ1c2VyX21ldGFkYXRhIjp7fSwiYW1yIjpbeyJtZXRob2QiOiJwYXNzd29yZCIsInRpbWVzdGFtcCI6MTc5OTk5OTk5N"
         "X1dLCJpc19hbm9ueW1vdXMiOmZhbHNlfQ.XQsT68UwVlwHpa3JnnSgXsSqpoe_rWZt6zA3iOwdZj-aNOpNiyAOW6QUqhE-5cwrU66y-kAPuVdmNXBlIegdZqMr-HzCVv4xF9ipsFAyZQGIQTek40n3"
         "xH4j4N741NPaxwiZk22eJKYlhqbXkTX5dzsBfLd0X6rLiyzl02kgkN8GPkY1RkcOWASnndvLis-JnGSzyB85NYtEzo6cieQp4FnbcWVtwWX1Zzk1_BUQFyDWSiKndREz-IeylE6tHAfh6ef1Vgn7Q1"
         "Gl4j9wTNdV-RC4PQUhKkNsUTunUmi6Du7bRK38kogbnrNnYEQ4Icw4ImfTsfPGqwMCYZ2kTAptjA",
         ""},
    {"expired",
         "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIwYjVhN2ExYy0yZjVlLTRkMGUtOWQzYi02ZjFmNmY4ZjJiMTEiLCJhdWQiOiJhdXRoZW50aWNhdGVkIiwiZXhwIjoxNzk5OTk5OTkwL"
         "CJpYXQiOjE3OTk5OTk5OTUsImlzcyI6Imh0dHBzOi8vaXNzdWVyLnRlc3QvYXV0aC92MSIsInJvbGUiOiJhdXRoZW50aWNhdGVkIiwiZW1haWwiOiJhbm5AZXhhbXBsZS50ZXN0Iiwic2Vzc2lvbl9"
         "pZCI6IngiLCJhcHBfbWV0YWRhdGEiOnsicHJvdmlkZXIiOiJlbWFpbCJ9LCJ1c2VyX21ldGFkYXRhIjp7fSwiYW1yIjpbeyJtZXRob2QiOiJwYXNzd29yZCIsInRpbWVzdGFtcCI6MTc5OTk5OTk5N"
         "X1dLCJpc19hbm9ueW1vdXMiOmZhbHNlfQ.huAOSYFfVTdRse4WqytQMK27zeBwJVs_gx3IoXuKtaU",
         "(exp)"},
    {"no end",
         "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIwYjVhN2ExYy0yZjVlLTRkMGUtOWQzYi02ZjFmNmY4ZjJiMTEiLCJhdWQiOiJhdXRoZW50aWNhdGVkIiwiaWF0IjoxNzk5OTk5OTk1L"
         "CJpc3MiOiJodHRwczovL2lzc3Vlci50ZXN0L2F1dGgvdjEiLCJyb2xlIjoiYXV0aGVudGljYXRlZCIsImVtYWlsIjoiYW5uQGV4YW1wbGUudGVzdCIsInNlc3Npb25faWQiOiJ4IiwiYXBwX21ldGF"
         "kYXRhIjp7InByb3ZpZGVyIjoiZW1haWwifSwidXNlcl9tZXRhZGF0YSI6e30sImFtciI6W3sibWV0aG9kIjoicGFzc3dvcmQiLCJ0aW1lc3RhbXAiOjE3OTk5OTk5OTV9XSwiaXNfYW5vbnltb3VzI"
         "jpmYWxzZX0.VvmqMhLNXmX0looKu2E29tNQF9QX8FWstydUttIh8Zw",
         "no end (exp)"},
    {"an end in text",
         "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiAiMGI1YTdhMWMtMmY1ZS00ZDBlLTlkM2ItNmYxZjZmOGYyYjExIiwgImF1ZCI6ICJhdXRoZW50aWNhdGVkIiwgImV4cCI6ICIxODAwM"
         "DAwMDYwIiwgImlhdCI6IDE3OTk5OTk5OTUsICJpc3MiOiAiaHR0cHM6Ly9pc3N1ZXIudGVzdC9hdXRoL3YxIiwgInJvbGUiOiAiYXV0aGVudGljYXRlZCIsICJlbWFpbCI6ICJhbm5AZXhhbXBsZS5"
         "0ZXN0IiwgInNlc3Npb25faWQiOiAieCIsICJhcHBfbWV0YWRhdGEiOiB7InByb3ZpZGVyIjogImVtYWlsIn0sICJ1c2VyX21ldGFkYXRhIjoge30sICJhbXIiOiBbeyJtZXRob2QiOiAicGFzc3dvc"
         "mQiLCAidGltZXN0YW1wIjogMTc5OTk5OTk5NX1dLCAiaXNfYW5vbnltb3VzIjogZmFsc2V9.WIKYVq-ZEdxdnU3ge2W3DCpDFyhqezVoEnHJ0wg2xvk",
         "exp is no number"},
    {"an end without end",
         "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiAiMGI1YTdhMWMtMmY1ZS00ZDBlLTlkM2ItNmYxZjZmOGYyYjExIiwgImF1ZCI6ICJhdXRoZW50aWNhdGVkIiwgImV4cCI6IDFlOTk5L"
         "CAiaWF0IjogMTc5OTk5OTk5NSwgImlzcyI6ICJodHRwczovL2lzc3Vlci50ZXN0L2F1dGgvdjEiLCAicm9sZSI6ICJhdXRoZW50aWNhdGVkIiwgImVtYWlsIjogImFubkBleGFtcGxlLnRlc3QiLCA"
         "ic2Vzc2lvbl9pZCI6ICJ4IiwgImFwcF9tZXRhZGF0YSI6IHsicHJvdmlkZXIiOiAiZW1haWwifSwgInVzZXJfbWV0YWRhdGEiOiB7fSwgImFtciI6IFt7Im1ldGhvZCI6ICJwYXNzd29yZCIsICJ0a"
         "W1lc3RhbXAiOiAxNzk5OTk5OTk1fV0sICJpc19hbm9ueW1vdXMiOiBmYWxzZX0.N8jQDhPtXcB3AUCHEu-iZS2MVX3wrmqGoKavKEWauJg",
         "no JSON"},
    {"true as an end",
         "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiAiMGI1YTdhMWMtMmY1ZS00ZDBlLTlkM2ItNmYxZjZmOGYyYjExIiwgImF1ZCI6ICJhdXRoZW50aWNhdGVkIiwgImV4cCI6IHRydWUsI"
         "CJpYXQiOiAxNzk5OTk5OTk1LCAiaXNzIjogImh0dHBzOi8vaXNzdWVyLnRlc3QvYXV0aC92MSIsICJyb2xlIjogImF1dGhlbnRpY2F0ZWQiLCAiZW1haWwiOiAiYW5uQGV4YW1wbGUudGVzdCIsICJ"
         "zZXNzaW9uX2lkIjogIngiLCAiYXBwX21ldGFkYXRhIjogeyJwcm92aWRlciI6ICJlbWFpbCJ9LCAidXNlcl9tZXRhZGF0YSI6IHt9LCAiYW1yIjogW3sibWV0aG9kIjogInBhc3N3b3JkIiwgInRpb"
         "WVzdGFtcCI6IDE3OTk5OTk5OTV9XSwgImlzX2Fub255bW91cyI6IGZhbHNlfQ.8peX1Z87YXzOb7EmOaOf8n7sVpNFYv3iqiXkCg11j7A",
         "exp is no number"},
    {"not yet valid",
         "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIwYjVhN2ExYy0yZjVlLTRkMGUtOWQzYi02ZjFmNmY4ZjJiMTEiLCJhdWQiOiJhdXRoZW50aWNhdGVkIiwiZXhwIjoxODAwMDAzNjAwL"
         "CJpYXQiOjE3OTk5OTk5OTUsImlzcyI6Imh0dHBzOi8vaXNzdWVyLnRlc3QvYXV0aC92MSIsInJvbGUiOiJhdXRoZW50aWNhdGVkIiwiZW1haWwiOiJhbm5AZXhhbXBsZS50ZXN0Iiwic2Vzc2lvbl9"
         "pZCI6IngiLCJhcHBfbWV0YWRhdGEiOnsicHJvdmlkZXIiOiJlbWFpbCJ9LCJ1c2VyX21ldGFkYXRhIjp7fSwiYW1yIjpbeyJtZXRob2QiOiJwYXNzd29yZCIsInRpbWVzdGFtcCI6MTc5OTk5OTk5N"
         "X1dLCJpc19hbm9ueW1vdXMiOmZhbHNlLCJuYmYiOjE4MDAwMDAwMTF9.QJo5lwSzieJ11Wo4b9GQ3IOT9WOTBCS6xmoYlY-MOfw",
         "(nbf)"},
    {"issued in the future",
         "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIwYjVhN2ExYy0yZjVlLTRkMGUtOWQzYi02ZjFmNmY4ZjJiMTEiLCJhdWQiOiJhdXRoZW50aWNhdGVkIiwiZXhwIjoxODAwMDAzNjAwL"
         "CJpYXQiOjE4MDAwMDAwNjAsImlzcyI6Imh0dHBzOi8vaXNzdWVyLnRlc3QvYXV0aC92MSIsInJvbGUiOiJhdXRoZW50aWNhdGVkIiwiZW1haWwiOiJhbm5AZXhhbXBsZS50ZXN0Iiwic2Vzc2lvbl9"
         "pZCI6IngiLCJhcHBfbWV0YWRhdGEiOnsicHJvdmlkZXIiOiJlbWFpbCJ9LCJ1c2VyX21ldGFkYXRhIjp7fSwiYW1yIjpbeyJtZXRob2QiOiJwYXNzd29yZCIsInRpbWVzdGFtcCI6MTc5OTk5OTk5N"
         "X1dLCJpc19hbm9ueW1vdXMiOmZhbHNlfQ.EdSnfuLEYF2TyLE-Ni_vzW7_ZB_7C0HT76yfGpa8XAY",
         "(iat)"},
    {"another audience",
         "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIwYjVhN2ExYy0yZjVlLTRkMGUtOWQzYi02ZjFmNmY4ZjJiMTEiLCJhdWQiOiJhbm9uIiwiZXhwIjoxODAwMDAzNjAwLCJpYXQiOjE3O"
         "Tk5OTk5OTUsImlzcyI6Imh0dHBzOi8vaXNzdWVyLnRlc3QvYXV0aC92MSIsInJvbGUiOiJhdXRoZW50aWNhdGVkIiwiZW1haWwiOiJhbm5AZXhhbXBsZS50ZXN0Iiwic2Vzc2lvbl9pZCI6IngiLCJ"
         "hcHBfbWV0YWRhdGEiOnsicHJvdmlkZXIiOiJlbWFpbCJ9LCJ1c2VyX21ldGFkYXRhIjp7fSwiYW1yIjpbeyJtZXRob2QiOiJwYXNzd29yZCIsInRpbWVzdGFtcCI6MTc5OTk5OTk5NX1dLCJpc19hb"
         "m9ueW1vdXMiOmZhbHNlfQ.i2EJlKCePFLyEG8MxYsgt-0C6pK0KfgAch-ma1ycX14",
         "(aud)"},
    {"no audience",
         "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIwYjVhN2ExYy0yZjVlLTRkMGUtOWQzYi02ZjFmNmY4ZjJiMTEiLCJleHAiOjE4MDAwMDM2MDAsImlhdCI6MTc5OTk5OTk5NSwiaXNzI"
         "joiaHR0cHM6Ly9pc3N1ZXIudGVzdC9hdXRoL3YxIiwicm9sZSI6ImF1dGhlbnRpY2F0ZWQiLCJlbWFpbCI6ImFubkBleGFtcGxlLnRlc3QiLCJzZXNzaW9uX2lkIjoieCIsImFwcF9tZXRhZGF0YSI"
         "6eyJwcm92aWRlciI6ImVtYWlsIn0sInVzZXJfbWV0YWRhdGEiOnt9LCJhbXIiOlt7Im1ldGhvZCI6InBhc3N3b3JkIiwidGltZXN0YW1wIjoxNzk5OTk5OTk1fV0sImlzX2Fub255bW91cyI6ZmFsc"
         "2V9.8ctOGOo-a9mPPNCKFmh06A3okTW8dKKVoZpKX0GeBo4",
         "(aud)"},
    {"a number among the audiences",
         "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiAiMGI1YTdhMWMtMmY1ZS00ZDBlLTlkM2ItNmYxZjZmOGYyYjExIiwgImF1ZCI6IFsiYXV0aGVudGljYXRlZCIsIDddLCAiZXhwIjogM"
         "TgwMDAwMzYwMCwgImlhdCI6IDE3OTk5OTk5OTUsICJpc3MiOiAiaHR0cHM6Ly9pc3N1ZXIudGVzdC9hdXRoL3YxIiwgInJvbGUiOiAiYXV0aGVudGljYXRlZCIsICJlbWFpbCI6ICJhbm5AZXhhbXB"
         "sZS50ZXN0IiwgInNlc3Npb25faWQiOiAieCIsICJhcHBfbWV0YWRhdGEiOiB7InByb3ZpZGVyIjogImVtYWlsIn0sICJ1c2VyX21ldGFkYXRhIjoge30sICJhbXIiOiBbeyJtZXRob2QiOiAicGFzc"
         "3dvcmQiLCAidGltZXN0YW1wIjogMTc5OTk5OTk5NX1dLCAiaXNfYW5vbnltb3VzIjogZmFsc2V9.ollUr2LWaxg0QWmJmccwGEkr599FeA5rT-h8WkbeRvk",
         "(aud)"},
    {"another issuer",
         "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIwYjVhN2ExYy0yZjVlLTRkMGUtOWQzYi02ZjFmNmY4ZjJiMTEiLCJhdWQiOiJhdXRoZW50aWNhdGVkIiwiZXhwIjoxODAwMDAzNjAwL"
         "CJpYXQiOjE3OTk5OTk5OTUsImlzcyI6Imh0dHBzOi8vZXZpbC50ZXN0Iiwicm9sZSI6ImF1dGhlbnRpY2F0ZWQiLCJlbWFpbCI6ImFubkBleGFtcGxlLnRlc3QiLCJzZXNzaW9uX2lkIjoieCIsImF"
         "wcF9tZXRhZGF0YSI6eyJwcm92aWRlciI6ImVtYWlsIn0sInVzZXJfbWV0YWRhdGEiOnt9LCJhbXIiOlt7Im1ldGhvZCI6InBhc3N3b3JkIiwidGltZXN0YW1wIjoxNzk5OTk5OTk1fV0sImlzX2Fub"
         "255bW91cyI6ZmFsc2V9.-MrUCkwjjK41GheitCXQjcZBFykEJaBlNL4D_ANLAGc",
         "(iss)"},
    {"no issuer",
         "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIwYjVhN2ExYy0yZjVlLTRkMGUtOWQzYi02ZjFmNmY4ZjJiMTEiLCJhdWQiOiJhdXRoZW50aWNhdGVkIiwiZXhwIjoxODAwMDAzNjAwL"
         "CJpYXQiOjE3OTk5OTk5OTUsInJvbGUiOiJhdXRoZW50aWNhdGVkIiwiZW1haWwiOiJhbm5AZXhhbXBsZS50ZXN0Iiwic2Vzc2lvbl9pZCI6IngiLCJhcHBfbWV0YWRhdGEiOnsicHJvdmlkZXIiOiJ"
         "lbWFpbCJ9LCJ1c2VyX21ldGFkYXRhIjp7fSwiYW1yIjpbeyJtZXRob2QiOiJwYXNzd29yZCIsInRpbWVzdGFtcCI6MTc5OTk5OTk5NX1dLCJpc19hbm9ueW1vdXMiOmZhbHNlfQ.3Gi40O0tykehzn"
         "bjqZLkkYi9cko1L1xTvwaKjDX-jDs",
         "(iss)"},
    {"no user",
         "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJhdWQiOiJhdXRoZW50aWNhdGVkIiwiZXhwIjoxODAwMDAzNjAwLCJpYXQiOjE3OTk5OTk5OTUsImlzcyI6Imh0dHBzOi8vaXNzdWVyLnRlc3QvY"
         "XV0aC92MSIsInJvbGUiOiJhdXRoZW50aWNhdGVkIiwiZW1haWwiOiJhbm5AZXhhbXBsZS50ZXN0Iiwic2Vzc2lvbl9pZCI6IngiLCJhcHBfbWV0YWRhdGEiOnsicHJvdmlkZXIiOiJlbWFpbCJ9LCJ"
         "1c2VyX21ldGFkYXRhIjp7fSwiYW1yIjpbeyJtZXRob2QiOiJwYXNzd29yZCIsInRpbWVzdGFtcCI6MTc5OTk5OTk5NX1dLCJpc19hbm9ueW1vdXMiOmZhbHNlfQ.yiXA2BjGxl5wL5UfYCpYt9L2Ko"
         "YbTwjLSZ2E-6UOH0E",
         "(sub)"},
    {"a number as a user",
         "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiA3LCAiYXVkIjogImF1dGhlbnRpY2F0ZWQiLCAiZXhwIjogMTgwMDAwMzYwMCwgImlhdCI6IDE3OTk5OTk5OTUsICJpc3MiOiAiaHR0c"
         "HM6Ly9pc3N1ZXIudGVzdC9hdXRoL3YxIiwgInJvbGUiOiAiYXV0aGVudGljYXRlZCIsICJlbWFpbCI6ICJhbm5AZXhhbXBsZS50ZXN0IiwgInNlc3Npb25faWQiOiAieCIsICJhcHBfbWV0YWRhdGE"
         "iOiB7InByb3ZpZGVyIjogImVtYWlsIn0sICJ1c2VyX21ldGFkYXRhIjoge30sICJhbXIiOiBbeyJtZXRob2QiOiAicGFzc3dvcmQiLCAidGltZXN0YW1wIjogMTc5OTk5OTk5NX1dLCAiaXNfYW5vb"
         "nltb3VzIjogZmFsc2V9.dUB23L384ZQN9MbaWBCnx5sAJSHmgQkfVpznlm91cQs",
         "(sub)"},
    {"an empty user",
         "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIiLCJhdWQiOiJhdXRoZW50aWNhdGVkIiwiZXhwIjoxODAwMDAzNjAwLCJpYXQiOjE3OTk5OTk5OTUsImlzcyI6Imh0dHBzOi8vaXNzd"
         "WVyLnRlc3QvYXV0aC92MSIsInJvbGUiOiJhdXRoZW50aWNhdGVkIiwiZW1haWwiOiJhbm5AZXhhbXBsZS50ZXN0Iiwic2Vzc2lvbl9pZCI6IngiLCJhcHBfbWV0YWRhdGEiOnsicHJvdmlkZXIiOiJ"
         "lbWFpbCJ9LCJ1c2VyX21ldGFkYXRhIjp7fSwiYW1yIjpbeyJtZXRob2QiOiJwYXNzd29yZCIsInRpbWVzdGFtcCI6MTc5OTk5OTk5NX1dLCJpc19hbm9ueW1vdXMiOmZhbHNlfQ.6n2AjiqochktYq"
         "1gxkzTjkA6HtWBwA-KyNh-Glvw_zc",
         "(sub)"},
    {"a user of two lines",
         "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbm5cbmFkbWluIiwiYXVkIjoiYXV0aGVudGljYXRlZCIsImV4cCI6MTgwMDAwMzYwMCwiaWF0IjoxNzk5OTk5OTk1LCJpc3MiOiJod"
         "HRwczovL2lzc3Vlci50ZXN0L2F1dGgvdjEiLCJyb2xlIjoiYXV0aGVudGljYXRlZCIsImVtYWlsIjoiYW5uQGV4YW1wbGUudGVzdCIsInNlc3Npb25faWQiOiJ4IiwiYXBwX21ldGFkYXRhIjp7InB"
         "yb3ZpZGVyIjoiZW1haWwifSwidXNlcl9tZXRhZGF0YSI6e30sImFtciI6W3sibWV0aG9kIjoicGFzc3dvcmQiLCJ0aW1lc3RhbXAiOjE3OTk5OTk5OTV9XSwiaXNfYW5vbnltb3VzIjpmYWxzZX0.0"
         "yfOhnEEvpPkellTZYUEmE4gcvYLknGWX7_1-RPhkr4",
         "(sub)"},
    {"a long user",
         "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhY"
         "WFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWF"
         "hYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYSIsImF1ZCI6ImF1dGhlbnRpY2F0ZWQiLCJleHAiOjE4MDAwMDM2MDAsImlhd"
         "CI6MTc5OTk5OTk5NSwiaXNzIjoiaHR0cHM6Ly9pc3N1ZXIudGVzdC9hdXRoL3YxIiwicm9sZSI6ImF1dGhlbnRpY2F0ZWQiLCJlbWFpbCI6ImFubkBleGFtcGxlLnRlc3QiLCJzZXNzaW9uX2lkIjo"
         "ieCIsImFwcF9tZXRhZGF0YSI6eyJwcm92aWRlciI6ImVtYWlsIn0sInVzZXJfbWV0YWRhdGEiOnt9LCJhbXIiOlt7Im1ldGhvZCI6InBhc3N3b3JkIiwidGltZXN0YW1wIjoxNzk5OTk5OTk1fV0sI"
         "mlzX2Fub255bW91cyI6ZmFsc2V9.hv7aBNefCSBRiPuyjrDqRlewgtmsmwmefisB5SqOHRU",
         "(sub)"},
    {"a key of the project",
         "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHAiOjE4MDAwMDM2MDAsImlhdCI6MTc5OTk5OTk5NSwiaXNzIjoiaHR0cHM6Ly9pc3N1ZXIudGVzdC9hdXRoL3YxIiwicm9sZSI6InNlcnZpY"
         "2Vfcm9sZSIsImVtYWlsIjoiYW5uQGV4YW1wbGUudGVzdCIsInNlc3Npb25faWQiOiJ4IiwiYXBwX21ldGFkYXRhIjp7InByb3ZpZGVyIjoiZW1haWwifSwidXNlcl9tZXRhZGF0YSI6e30sImFtciI"
         "6W3sibWV0aG9kIjoicGFzc3dvcmQiLCJ0aW1lc3RhbXAiOjE3OTk5OTk5OTV9XSwiaXNfYW5vbnltb3VzIjpmYWxzZX0.yQ9jnpmU_vldXLpJzyhYnyW4Zl8TTdLnIR6wn0NIKvA",
         "(aud)"},
    {"alg none",
         "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJzdWIiOiAiMGI1YTdhMWMtMmY1ZS00ZDBlLTlkM2ItNmYxZjZmOGYyYjExIiwgImF1ZCI6ICJhdXRoZW50aWNhdGVkIiwgImV4cCI6IDE4MDAwMD"
         "M2MDAsICJpYXQiOiAxNzk5OTk5OTk1LCAiaXNzIjogImh0dHBzOi8vaXNzdWVyLnRlc3QvYXV0aC92MSIsICJyb2xlIjogImF1dGhlbnRpY2F0ZWQiLCAiZW1haWwiOiAiYW5uQGV4YW1wbGUudGVz"
         "dCIsICJzZXNzaW9uX2lkIjogIngiLCAiYXBwX21ldGFkYXRhIjogeyJwcm92aWRlciI6ICJlbWFpbCJ9LCAidXNlcl9tZXRhZGF0YSI6IHt9LCAiYW1yIjogW3sibWV0aG9kIjogInBhc3N3b3JkIi"
         "wgInRpbWVzdGFtcCI6IDE3OTk5OTk5OTV9XSwgImlzX2Fub255bW91cyI6IGZhbHNlfQ.",
         "not signed"},
    {"alg nOnE",
         "eyJhbGciOiJuT25FIn0.eyJzdWIiOiAiMGI1YTdhMWMtMmY1ZS00ZDBlLTlkM2ItNmYxZjZmOGYyYjExIiwgImF1ZCI6ICJhdXRoZW50aWNhdGVkIiwgImV4cCI6IDE4MDAwMDM2MDAsICJpYXQiOi"
         "AxNzk5OTk5OTk1LCAiaXNzIjogImh0dHBzOi8vaXNzdWVyLnRlc3QvYXV0aC92MSIsICJyb2xlIjogImF1dGhlbnRpY2F0ZWQiLCAiZW1haWwiOiAiYW5uQGV4YW1wbGUudGVzdCIsICJzZXNzaW9u"
         "X2lkIjogIngiLCAiYXBwX21ldGFkYXRhIjogeyJwcm92aWRlciI6ICJlbWFpbCJ9LCAidXNlcl9tZXRhZGF0YSI6IHt9LCAiYW1yIjogW3sibWV0aG9kIjogInBhc3N3b3JkIiwgInRpbWVzdGFtcC"
         "I6IDE3OTk5OTk5OTV9XSwgImlzX2Fub255bW91cyI6IGZhbHNlfQ.",
         "not signed"},
    {"no alg",
         "eyJ0eXAiOiJKV1QifQ.eyJzdWIiOiAiMGI1YTdhMWMtMmY1ZS00ZDBlLTlkM2ItNmYxZjZmOGYyYjExIiwgImF1ZCI6ICJhdXRoZW50aWNhdGVkIiwgImV4cCI6IDE4MDAwMDM2MDAsICJpYXQiOiA"
         "xNzk5OTk5OTk1LCAiaXNzIjogImh0dHBzOi8vaXNzdWVyLnRlc3QvYXV0aC92MSIsICJyb2xlIjogImF1dGhlbnRpY2F0ZWQiLCAiZW1haWwiOiAiYW5uQGV4YW1wbGUudGVzdCIsICJzZXNzaW9uX"
         "2lkIjogIngiLCAiYXBwX21ldGFkYXRhIjogeyJwcm92aWRlciI6ICJlbWFpbCJ9LCAidXNlcl9tZXRhZGF0YSI6IHt9LCAiYW1yIjogW3sibWV0aG9kIjogInBhc3N3b3JkIiwgInRpbWVzdGFtcCI"
         "6IDE3OTk5OTk5OTV9XSwgImlzX2Fub255bW91cyI6IGZhbHNlfQ.ba-Fk34uc6R3hK9Wj4qN6Bnh-jwfmEwjXStwbB5nfXY",
         "(alg)"},
    {"HS512",
         "eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIwYjVhN2ExYy0yZjVlLTRkMGUtOWQzYi02ZjFmNmY4ZjJiMTEiLCJhdWQiOiJhdXRoZW50aWNhdGVkIiwiZXhwIjoxODAwMDAzNjAwL"
         "CJpYXQiOjE3OTk5OTk5OTUsImlzcyI6Imh0dHBzOi8vaXNzdWVyLnRlc3QvYXV0aC92MSIsInJvbGUiOiJhdXRoZW50aWNhdGVkIiwiZW1haWwiOiJhbm5AZXhhbXBsZS50ZXN0Iiwic2Vzc2lvbl9"
         "pZCI6IngiLCJhcHBfbWV0YWRhdGEiOnsicHJvdmlkZXIiOiJlbWFpbCJ9LCJ1c2VyX21ldGFkYXRhIjp7fSwiYW1yIjpbeyJtZXRob2QiOiJwYXNzd29yZCIsInRpbWVzdGFtcCI6MTc5OTk5OTk5N"
         "X1dLCJpc19hbm9ueW1vdXMiOmZhbHNlfQ.MshBEi0mYVdcM3C6lkP0voEwFAMpiRz7_WQRQTkzBnIjNuKY9sJ_s48pK8gepT4BrxFZQpg5oR3t9AHu8v8DyA",
         "(alg)"},
    {"PS256",
         "eyJhbGciOiJQUzI1NiIsImtpZCI6InBzIiwidHlwIjoiSldUIn0.eyJzdWIiOiIwYjVhN2ExYy0yZjVlLTRkMGUtOWQzYi02ZjFmNmY4ZjJiMTEiLCJhdWQiOiJhdXRoZW50aWNhdGVkIiwiZXhwIj"
         "oxODAwMDAzNjAwLCJpYXQiOjE3OTk5OTk5OTUsImlzcyI6Imh0dHBzOi8vaXNzdWVyLnRlc3QvYXV0aC92MSIsInJvbGUiOiJhdXRoZW50aWNhdGVkIiwiZW1haWwiOiJhbm5AZXhhbXBsZS50ZXN0"
         "Iiwic2Vzc2lvbl9pZCI6IngiLCJhcHBfbWV0YWRhdGEiOnsicHJvdmlkZXIiOiJlbWFpbCJ9LCJ1c2VyX21ldGFkYXRhIjp7fSwiYW1yIjpbeyJtZXRob2QiOiJwYXNzd29yZCIsInRpbWVzdGFtcC"
         "I6MTc5OTk5OTk5NX1dLCJpc19hbm9ueW1vdXMiOmZhbHNlfQ.I2p_TvvY7r2YegUB0UjfAiLKgWyyfhkCyEhZAsi1TdpFLu4z2VnKP63FeFu9v0TwnPhTUcbokKeJnhYg6hIbrSrsdauV_yY3yci1M"
         "SsUuilkdzjzwR9L2Lujx9kYn-y9g46oeCnEmU1VobEjt7PIrC1fIM_Ck-rBgrKIqp9cL5HJitRXwh5C5jrQpRkcyWJbC7T0f8hSvjn2meAAkQUncpkfz3KVwxVdQocdIJv0NktchMW_zU2Fmewxkge"
         "ISgIqnwqd0OUlIy17y2OvJGueYo37YgvyRFLtIst6vzEx9nQawY2V1a7DuauKB_ZuNfcJ1rWJ9XuYWeOzr9KzrQU6sQ",
         "(alg)"},
    {"RS512",
         "eyJhbGciOiJSUzUxMiIsImtpZCI6InJzYSIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIwYjVhN2ExYy0yZjVlLTRkMGUtOWQzYi02ZjFmNmY4ZjJiMTEiLCJhdWQiOiJhdXRoZW50aWNhdGVkIiwiZXhwI"
         "joxODAwMDAzNjAwLCJpYXQiOjE3OTk5OTk5OTUsImlzcyI6Imh0dHBzOi8vaXNzdWVyLnRlc3QvYXV0aC92MSIsInJvbGUiOiJhdXRoZW50aWNhdGVkIiwiZW1haWwiOiJhbm5AZXhhbXBsZS50ZXN"
         "0Iiwic2Vzc2lvbl9pZCI6IngiLCJhcHBfbWV0YWRhdGEiOnsicHJvdmlkZXIiOiJlbWFpbCJ9LCJ1c2VyX21ldGFkYXRhIjp7fSwiYW1yIjpbeyJtZXRob2QiOiJwYXNzd29yZCIsInRpbWVzdGFtc"
         "CI6MTc5OTk5OTk5NX1dLCJpc19hbm9ueW1vdXMiOmZhbHNlfQ.mEM4-ZuKw8gbboXSs_spTjFC0KF6oP7YNsoYRx3RIoE33JHgUgs4MRRh7-BPzeZIC85AF5mTbeVjnMpUrmrcumxPkfWSOMJClO2H"
         "jug4vtlMMr6QIgykKNWUa0z76TBT8j_zWt5xFY986JyFXtpr9uDvFjDybQrvxGSw8LYxr4v7zOPzsBdWyeM_k7VeK7rihAqgBHkS6hN6p2J_yU-IHnxdu3TiS0hqXND4CQ0fWd-LPTyGtcGcJWXfKg"
         "x5GxW-urpxX7zq1wbsR3blld4y06Rkos4V1yRX3YwCtYMWD7HDRrkZMy3UnxIRNsdfkA30zvpgOrrOhs6zKGrwwMWmiw",
         "(alg)"},
    {"lower case",
         "eyJhbGciOiJoczI1NiJ9.eyJzdWIiOiAiMGI1YTdhMWMtMmY1ZS00ZDBlLTlkM2ItNmYxZjZmOGYyYjExIiwgImF1ZCI6ICJhdXRoZW50aWNhdGVkIiwgImV4cCI6IDE4MDAwMDM2MDAsICJpYXQiO"
         "iAxNzk5OTk5OTk1LCAiaXNzIjogImh0dHBzOi8vaXNzdWVyLnRlc3QvYXV0aC92MSIsICJyb2xlIjogImF1dGhlbnRpY2F0ZWQiLCAiZW1haWwiOiAiYW5uQGV4YW1wbGUudGVzdCIsICJzZXNzaW9"
         "uX2lkIjogIngiLCAiYXBwX21ldGFkYXRhIjogeyJwcm92aWRlciI6ICJlbWFpbCJ9LCAidXNlcl9tZXRhZGF0YSI6IHt9LCAiYW1yIjogW3sibWV0aG9kIjogInBhc3N3b3JkIiwgInRpbWVzdGFtc"
         "CI6IDE3OTk5OTk5OTV9XSwgImlzX2Fub255bW91cyI6IGZhbHNlfQ.pinkoGfjF_5a1OyrhUeNnXawt0zwXNH-QOzklPEXUwM",
         "(alg)"},
    {"HS256 with the RSA key as secret",
         "eyJhbGciOiJIUzI1NiIsImtpZCI6InJzYSJ9.eyJzdWIiOiAiMGI1YTdhMWMtMmY1ZS00ZDBlLTlkM2ItNmYxZjZmOGYyYjExIiwgImF1ZCI6ICJhdXRoZW50aWNhdGVkIiwgImV4cCI6IDE4MDAwM"
         "DM2MDAsICJpYXQiOiAxNzk5OTk5OTk1LCAiaXNzIjogImh0dHBzOi8vaXNzdWVyLnRlc3QvYXV0aC92MSIsICJyb2xlIjogImF1dGhlbnRpY2F0ZWQiLCAiZW1haWwiOiAiYW5uQGV4YW1wbGUudGV"
         "zdCIsICJzZXNzaW9uX2lkIjogIngiLCAiYXBwX21ldGFkYXRhIjogeyJwcm92aWRlciI6ICJlbWFpbCJ9LCAidXNlcl9tZXRhZGF0YSI6IHt9LCAiYW1yIjogW3sibWV0aG9kIjogInBhc3N3b3JkI"
         "iwgInRpbWVzdGFtcCI6IDE3OTk5OTk5OTV9XSwgImlzX2Fub255bW91cyI6IGZhbHNlfQ.cqkBoScL-CV690QILDbzKZWbHiDWNsIQhw0GY1bHbjw",
         "signature"},
    {"HS256 with the RSA key's number as secret",
         "eyJhbGciOiJIUzI1NiIsImtpZCI6InJzYSJ9.eyJzdWIiOiAiMGI1YTdhMWMtMmY1ZS00ZDBlLTlkM2ItNmYxZjZmOGYyYjExIiwgImF1ZCI6ICJhdXRoZW50aWNhdGVkIiwgImV4cCI6IDE4MDAwM"
         "DM2MDAsICJpYXQiOiAxNzk5OTk5OTk1LCAiaXNzIjogImh0dHBzOi8vaXNzdWVyLnRlc3QvYXV0aC92MSIsICJyb2xlIjogImF1dGhlbnRpY2F0ZWQiLCAiZW1haWwiOiAiYW5uQGV4YW1wbGUudGV"
         "zdCIsICJzZXNzaW9uX2lkIjogIngiLCAiYXBwX21ldGFkYXRhIjogeyJwcm92aWRlciI6ICJlbWFpbCJ9LCAidXNlcl9tZXRhZGF0YSI6IHt9LCAiYW1yIjogW3sibWV0aG9kIjogInBhc3N3b3JkI"
         "iwgInRpbWVzdGFtcCI6IDE3OTk5OTk5OTV9XSwgImlzX2Fub255bW91cyI6IGZhbHNlfQ.9eAwnC2lphLVWZfDPuijJHQiwl_njOOjGHDSvMwteuA",
         "signature"},
    {"HS256 with a key of the set as secret",
         "eyJhbGciOiJIUzI1NiIsImtpZCI6Im9jdCJ9.eyJzdWIiOiAiMGI1YTdhMWMtMmY1ZS00ZDBlLTlkM2ItNmYxZjZmOGYyYjExIiwgImF1ZCI6ICJhdXRoZW50aWNhdGVkIiwgImV4cCI6IDE4MDAwM"
         "DM2MDAsICJpYXQiOiAxNzk5OTk5OTk1LCAiaXNzIjogImh0dHBzOi8vaXNzdWVyLnRlc3QvYXV0aC92MSIsICJyb2xlIjogImF1dGhlbnRpY2F0ZWQiLCAiZW1haWwiOiAiYW5uQGV4YW1wbGUudGV"
         "zdCIsICJzZXNzaW9uX2lkIjogIngiLCAiYXBwX21ldGFkYXRhIjogeyJwcm92aWRlciI6ICJlbWFpbCJ9LCAidXNlcl9tZXRhZGF0YSI6IHt9LCAiYW1yIjogW3sibWV0aG9kIjogInBhc3N3b3JkI"
         "iwgInRpbWVzdGFtcCI6IDE3OTk5OTk5OTV9XSwgImlzX2Fub255bW91cyI6IGZhbHNlfQ.cWY2mWWz--ocKqqUxZQBqEDCtLohAXhgNwJMF_W_5NA",
         "signature"},
    {"HS256 with an empty secret",
         "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiAiMGI1YTdhMWMtMmY1ZS00ZDBlLTlkM2ItNmYxZjZmOGYyYjExIiwgImF1ZCI6ICJhdXRoZW50aWNhdGVkIiwgImV4cCI6IDE4MDAwM"
         "DM2MDAsICJpYXQiOiAxNzk5OTk5OTk1LCAiaXNzIjogImh0dHBzOi8vaXNzdWVyLnRlc3QvYXV0aC92MSIsICJyb2xlIjogImF1dGhlbnRpY2F0ZWQiLCAiZW1haWwiOiAiYW5uQGV4YW1wbGUudGV"
         "zdCIsICJzZXNzaW9uX2lkIjogIngiLCAiYXBwX21ldGFkYXRhIjogeyJwcm92aWRlciI6ICJlbWFpbCJ9LCAidXNlcl9tZXRhZGF0YSI6IHt9LCAiYW1yIjogW3sibWV0aG9kIjogInBhc3N3b3JkI"
         "iwgInRpbWVzdGFtcCI6IDE3OTk5OTk5OTV9XSwgImlzX2Fub255bW91cyI6IGZhbHNlfQ.X_JF2kOr29DqaZqtj2ph9ir9g6lR54xtoK-DXjQYbTA",
         "signature"},
    {"another secret",
         "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiAiMGI1YTdhMWMtMmY1ZS00ZDBlLTlkM2ItNmYxZjZmOGYyYjExIiwgImF1ZCI6ICJhdXRoZW50aWNhdGVkIiwgImV4cCI6IDE4MDAwM"
         "DM2MDAsICJpYXQiOiAxNzk5OTk5OTk1LCAiaXNzIjogImh0dHBzOi8vaXNzdWVyLnRlc3QvYXV0aC92MSIsICJyb2xlIjogImF1dGhlbnRpY2F0ZWQiLCAiZW1haWwiOiAiYW5uQGV4YW1wbGUudGV"
         "zdCIsICJzZXNzaW9uX2lkIjogIngiLCAiYXBwX21ldGFkYXRhIjogeyJwcm92aWRlciI6ICJlbWFpbCJ9LCAidXNlcl9tZXRhZGF0YSI6IHt9LCAiYW1yIjogW3sibWV0aG9kIjogInBhc3N3b3JkI"
         "iwgInRpbWVzdGFtcCI6IDE3OTk5OTk5OTV9XSwgImlzX2Fub255bW91cyI6IGZhbHNlfQ.vmc3YNXlqOv2h2o-65ExYmXF4OgIfdflPTU3NmEAU-k",
         "signature"},
    {"the claims of another token",
         "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJldmUiLCJhdWQiOiJhdXRoZW50aWNhdGVkIiwiZXhwIjoxODAwMDAzNjAwLCJpYXQiOjE3OTk5OTk5OTUsImlzcyI6Imh0dHBzOi8va"
         "XNzdWVyLnRlc3QvYXV0aC92MSIsInJvbGUiOiJhdXRoZW50aWNhdGVkIiwiZW1haWwiOiJhbm5AZXhhbXBsZS50ZXN0Iiwic2Vzc2lvbl9pZCI6IngiLCJhcHBfbWV0YWRhdGEiOnsicHJvdmlkZXI"
         "iOiJlbWFpbCJ9LCJ1c2VyX21ldGFkYXRhIjp7fSwiYW1yIjpbeyJtZXRob2QiOiJwYXNzd29yZCIsInRpbWVzdGFtcCI6MTc5OTk5OTk5NX1dLCJpc19hbm9ueW1vdXMiOmZhbHNlfQ.Ou60hXCsaX"
         "H3diK3rt4dsMNYLW_vlMmjrDw90N6FhoY",
         "signature"},
    {"RS256 by another key",
         "eyJhbGciOiJSUzI1NiIsImtpZCI6InJzYSIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIwYjVhN2ExYy0yZjVlLTRkMGUtOWQzYi02ZjFmNmY4ZjJiMTEiLCJhdWQiOiJhdXRoZW50aWNhdGVkIiwiZXhwI"
         "joxODAwMDAzNjAwLCJpYXQiOjE3OTk5OTk5OTUsImlzcyI6Imh0dHBzOi8vaXNzdWVyLnRlc3QvYXV0aC92MSIsInJvbGUiOiJhdXRoZW50aWNhdGVkIiwiZW1haWwiOiJhbm5AZXhhbXBsZS50ZXN"
         "0Iiwic2Vzc2lvbl9pZCI6IngiLCJhcHBfbWV0YWRhdGEiOnsicHJvdmlkZXIiOiJlbWFpbCJ9LCJ1c2VyX21ldGFkYXRhIjp7fSwiYW1yIjpbeyJtZXRob2QiOiJwYXNzd29yZCIsInRpbWVzdGFtc"
         "CI6MTc5OTk5OTk5NX1dLCJpc19hbm9ueW1vdXMiOmZhbHNlfQ.AJB8A2CoUxNeoephBKhZAthMJtiNy3M0umBTPv2E5T8TLnZIIqSzIC7svkIG22qDVwCIsmlbJbgP_YjfQsnheikSUEy22WRn-Rv0"
         "q4Hn_doHK7jDHgTYppR2d246werPe7Jl-EKmOUAZW8-dNXHS0mlLpuPUGu5_M8b15eWsLPp5YBrUqMS-ts6W9iVtaaeYxDB5AKXbuQB1xToo1dXSdXHu4W56RA0uG5MshZ9ngXTqJnFiQtiUz8XUWy"
         "VRTl1D0oEcoNWT8RtP52a8-TqQXrw36kdKWbS8JX6clg3nZsIXmQCpQW_teTifwqWp_dHs3N7GSLnkGj_c3Y4hHsJkkQ",
         "signature"},
    {"RS256 by a small key",
         "eyJhbGciOiJSUzI1NiIsImtpZCI6InNtYWxsIiwidHlwIjoiSldUIn0.eyJzdWIiOiIwYjVhN2ExYy0yZjVlLTRkMGUtOWQzYi02ZjFmNmY4ZjJiMTEiLCJhdWQiOiJhdXRoZW50aWNhdGVkIiwiZX"
         "hwIjoxODAwMDAzNjAwLCJpYXQiOjE3OTk5OTk5OTUsImlzcyI6Imh0dHBzOi8vaXNzdWVyLnRlc3QvYXV0aC92MSIsInJvbGUiOiJhdXRoZW50aWNhdGVkIiwiZW1haWwiOiJhbm5AZXhhbXBsZS50"
         "ZXN0Iiwic2Vzc2lvbl9pZCI6IngiLCJhcHBfbWV0YWRhdGEiOnsicHJvdmlkZXIiOiJlbWFpbCJ9LCJ1c2VyX21ldGFkYXRhIjp7fSwiYW1yIjpbeyJtZXRob2QiOiJwYXNzd29yZCIsInRpbWVzdG"
         "FtcCI6MTc5OTk5OTk5NX1dLCJpc19hbm9ueW1vdXMiOmZhbHNlfQ.ZTruluVWQXxdCYoR6FP6w9cbG_DcnbkkCu3FyQ0nbTp87EzPrVkmMyqa25u-Ps6K2lZn7-f8OZpS08xep7PpauTZuLLeE7Lb3"
         "W1DChGjJRVIwNuuMHJ90l9x3WpjiRYKUn9Fc-6dtU-_kcgOMYTBBY7Yb-H_14H2NoApFH-R-YU",
         "(kid)"},
    {"RS256 by a key for secrecy",
         "eyJhbGciOiJSUzI1NiIsImtpZCI6ImVuYyIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIwYjVhN2ExYy0yZjVlLTRkMGUtOWQzYi02ZjFmNmY4ZjJiMTEiLCJhdWQiOiJhdXRoZW50aWNhdGVkIiwiZXhwI"
         "joxODAwMDAzNjAwLCJpYXQiOjE3OTk5OTk5OTUsImlzcyI6Imh0dHBzOi8vaXNzdWVyLnRlc3QvYXV0aC92MSIsInJvbGUiOiJhdXRoZW50aWNhdGVkIiwiZW1haWwiOiJhbm5AZXhhbXBsZS50ZXN"
         "0Iiwic2Vzc2lvbl9pZCI6IngiLCJhcHBfbWV0YWRhdGEiOnsicHJvdmlkZXIiOiJlbWFpbCJ9LCJ1c2VyX21ldGFkYXRhIjp7fSwiYW1yIjpbeyJtZXRob2QiOiJwYXNzd29yZCIsInRpbWVzdGFtc"
         "CI6MTc5OTk5OTk5NX1dLCJpc19hbm9ueW1vdXMiOmZhbHNlfQ.XWcW5cFyLhxBKiNo4Tf7QisD5ebdFAdQqfzg1E0Zw1tuArz2isaPYT7BHMiPqwyP198r5Cm-eV3pryADWfi3nMJ25TJklb03HDa5"
         "heAfh9aI14UU5HdePj8Ug3m0Lb9x4Fel_KLq4MwHqfUiKiDwzQ6n7gbKYCynzRkZxvdif4f41rU_Us0C7DxCoA0WvBGSgwESr-cOpCwKA3ibE2lYz9HiWyuLU4zAY0BYd-xyNGUmNNgfORoqoK68mD"
         "JPJIILviyO_ey0SpBUnofJ2sDYGjytd8Y-LCCjQ_ItBD3GuFgbQo9bjS1pX3SZgIwPdQjCUNpO00DIwpaQ1Ytm8TSbIw",
         "(kid)"},
    {"RS256 by a key for PS256",
         "eyJhbGciOiJSUzI1NiIsImtpZCI6InBzIiwidHlwIjoiSldUIn0.eyJzdWIiOiIwYjVhN2ExYy0yZjVlLTRkMGUtOWQzYi02ZjFmNmY4ZjJiMTEiLCJhdWQiOiJhdXRoZW50aWNhdGVkIiwiZXhwIj"
         "oxODAwMDAzNjAwLCJpYXQiOjE3OTk5OTk5OTUsImlzcyI6Imh0dHBzOi8vaXNzdWVyLnRlc3QvYXV0aC92MSIsInJvbGUiOiJhdXRoZW50aWNhdGVkIiwiZW1haWwiOiJhbm5AZXhhbXBsZS50ZXN0"
         "Iiwic2Vzc2lvbl9pZCI6IngiLCJhcHBfbWV0YWRhdGEiOnsicHJvdmlkZXIiOiJlbWFpbCJ9LCJ1c2VyX21ldGFkYXRhIjp7fSwiYW1yIjpbeyJtZXRob2QiOiJwYXNzd29yZCIsInRpbWVzdGFtcC"
         "I6MTc5OTk5OTk5NX1dLCJpc19hbm9ueW1vdXMiOmZhbHNlfQ.S0cSXUmMt8upbHTFNp3tIWz1SH-GLEHla2pLUYNlWJNXqdDw5eL5dXyz48-laKm4K2xl7_wkrB9WuGujg68Zxvc9B-Z2zsOXCJ6tO"
         "gbEiP3YZaRoVErSa531YawjP4azNT8NWVht00wu6-Z-WFb0zgyeoqoVj4LImnLOZo1eyLURQcB-0YcrbGCsQrVwhvTh9H9CTBpY9UPZK4vYwNMheyuOI8jZxu1r-shs21_EWB21sZAnqvxzMNy8QT5"
         "IW502QQJXNZn-FmQ-cdNXQizsPw6t5bdpU1jqnoqhiQtbP39HjvvNcJ0Ee-hAHTOX6opfOVreepmBNReYG9oWlTI0Lw",
         "(kid)"},
    {"RS256 by an unknown key",
         "eyJhbGciOiJSUzI1NiIsImtpZCI6Im5ldyIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIwYjVhN2ExYy0yZjVlLTRkMGUtOWQzYi02ZjFmNmY4ZjJiMTEiLCJhdWQiOiJhdXRoZW50aWNhdGVkIiwiZXhwI"
         "joxODAwMDAzNjAwLCJpYXQiOjE3OTk5OTk5OTUsImlzcyI6Imh0dHBzOi8vaXNzdWVyLnRlc3QvYXV0aC92MSIsInJvbGUiOiJhdXRoZW50aWNhdGVkIiwiZW1haWwiOiJhbm5AZXhhbXBsZS50ZXN"
         "0Iiwic2Vzc2lvbl9pZCI6IngiLCJhcHBfbWV0YWRhdGEiOnsicHJvdmlkZXIiOiJlbWFpbCJ9LCJ1c2VyX21ldGFkYXRhIjp7fSwiYW1yIjpbeyJtZXRob2QiOiJwYXNzd29yZCIsInRpbWVzdGFtc"
         "CI6MTc5OTk5OTk5NX1dLCJpc19hbm9ueW1vdXMiOmZhbHNlfQ.LFsrbdGfjxapf17JkF5sGJG3tRcs_GrO5-f1GwGAxXZzVrF8bEgim_VMN3EP2T-tZa2OGexjaA3W-Lbehg4xQQvdwOjMGBGl4lrr"
         "d0gaK9OwCAymVmBgd5HARwAebNqlMAtqX0WOjkpx2yNT5m_4Gq69u9t340AebMb0WBXjFurGiduuV70Cm8mwSEJFUrfl9Vc_1O1I_IruRih9FWBrR8euhRROQwv2GtG1uiRyU9m5TNE0t-sfIvYjDk"
         "VjYtL2FGqJ410GWj52kw17NIYspX3DYyMQQWu_B_DhA1DT0h3KjtQQ4FYCvnEngIvyF8B543i5E7aBOtG8bkvs6jFmGQ",
         "(kid)"},
    {"RS256 with the kid of the EC key",
         "eyJhbGciOiJSUzI1NiIsImtpZCI6ImVjIiwidHlwIjoiSldUIn0.eyJzdWIiOiIwYjVhN2ExYy0yZjVlLTRkMGUtOWQzYi02ZjFmNmY4ZjJiMTEiLCJhdWQiOiJhdXRoZW50aWNhdGVkIiwiZXhwIj"
         "oxODAwMDAzNjAwLCJpYXQiOjE3OTk5OTk5OTUsImlzcyI6Imh0dHBzOi8vaXNzdWVyLnRlc3QvYXV0aC92MSIsInJvbGUiOiJhdXRoZW50aWNhdGVkIiwiZW1haWwiOiJhbm5AZXhhbXBsZS50ZXN0"
         "Iiwic2Vzc2lvbl9pZCI6IngiLCJhcHBfbWV0YWRhdGEiOnsicHJvdmlkZXIiOiJlbWFpbCJ9LCJ1c2VyX21ldGFkYXRhIjp7fSwiYW1yIjpbeyJtZXRob2QiOiJwYXNzd29yZCIsInRpbWVzdGFtcC"
         "I6MTc5OTk5OTk5NX1dLCJpc19hbm9ueW1vdXMiOmZhbHNlfQ.CK7Ygqvb9OVMHknvRnk1MdpTMrN324iZwA73HnmMN8mx1yqAAlMRmfev9Y5DcaReme11JF5ho3mjSIOncEjE2Pmn_SA1C-EZ3flmd"
         "81rBfHfRw7rR-9X6qre-_xYhrS3YfYnHhF7GQ4I7l7R94i92SGX2-Yp3CTpqze3R6EmLLtKYOavx5qaJtjfUexvV4hVbrB95dwrph3qLOh5IcQkTau2MmsllG_bHHhFnVJEDd7ozcWp8i535GCwjAX"
         "J6NbtFghzrlNsrUo9bL7KbHOjftUfYAi9_UCfmTr-7AOgTHAhh8plzT9bCiytG4nLbze2eCZWjPMVP4NwqdU32MthVg",
         "(kid)"},
    {"ES256 with zeros",
         "eyJhbGciOiJFUzI1NiIsImtpZCI6ImVjIiwidHlwIjoiSldUIn0.eyJzdWIiOiIwYjVhN2ExYy0yZjVlLTRkMGUtOWQzYi02ZjFmNmY4ZjJiMTEiLCJhdWQiOiJhdXRoZW50aWNhdGVkIiwiZXhwIj"
         "oxODAwMDAzNjAwLCJpYXQiOjE3OTk5OTk5OTUsImlzcyI6Imh0dHBzOi8vaXNzdWVyLnRlc3QvYXV0aC92MSIsInJvbGUiOiJhdXRoZW50aWNhdGVkIiwiZW1haWwiOiJhbm5AZXhhbXBsZS50ZXN0"
         "Iiwic2Vzc2lvbl9pZCI6IngiLCJhcHBfbWV0YWRhdGEiOnsicHJvdmlkZXIiOiJlbWFpbCJ9LCJ1c2VyX21ldGFkYXRhIjp7fSwiYW1yIjpbeyJtZXRob2QiOiJwYXNzd29yZCIsInRpbWVzdGFtcC"
         "I6MTc5OTk5OTk5NX1dLCJpc19hbm9ueW1vdXMiOmZhbHNlfQ.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
         "signature"},
    {"ES256 in DER",
         "eyJhbGciOiJFUzI1NiIsImtpZCI6ImVjIiwidHlwIjoiSldUIn0.eyJzdWIiOiIwYjVhN2ExYy0yZjVlLTRkMGUtOWQzYi02ZjFmNmY4ZjJiMTEiLCJhdWQiOiJhdXRoZW50aWNhdGVkIiwiZXhwIj"
         "oxODAwMDAzNjAwLCJpYXQiOjE3OTk5OTk5OTUsImlzcyI6Imh0dHBzOi8vaXNzdWVyLnRlc3QvYXV0aC92MSIsInJvbGUiOiJhdXRoZW50aWNhdGVkIiwiZW1haWwiOiJhbm5AZXhhbXBsZS50ZXN0"
         "Iiwic2Vzc2lvbl9pZCI6IngiLCJhcHBfbWV0YWRhdGEiOnsicHJvdmlkZXIiOiJlbWFpbCJ9LCJ1c2VyX21ldGFkYXRhIjp7fSwiYW1yIjpbeyJtZXRob2QiOiJwYXNzd29yZCIsInRpbWVzdGFtcC"
         "I6MTc5OTk5OTk5NX1dLCJpc19hbm9ueW1vdXMiOmZhbHNlfQ.MEYCIQCIO7TxqBURLKh43WaoYSKAxT-iLFKGtCvvR-zZhv-tvwIhALhdWVNFDVLcxAp9ZAqtZBj4kjIVNH_K-WgkVRFsAyR_",
         "signature"},
    {"ES256 cut",
         "eyJhbGciOiJFUzI1NiIsImtpZCI6ImVjIiwidHlwIjoiSldUIn0.eyJzdWIiOiIwYjVhN2ExYy0yZjVlLTRkMGUtOWQzYi02ZjFmNmY4ZjJiMTEiLCJhdWQiOiJhdXRoZW50aWNhdGVkIiwiZXhwIj"
         "oxODAwMDAzNjAwLCJpYXQiOjE3OTk5OTk5OTUsImlzcyI6Imh0dHBzOi8vaXNzdWVyLnRlc3QvYXV0aC92MSIsInJvbGUiOiJhdXRoZW50aWNhdGVkIiwiZW1haWwiOiJhbm5AZXhhbXBsZS50ZXN0"
         "Iiwic2Vzc2lvbl9pZCI6IngiLCJhcHBfbWV0YWRhdGEiOnsicHJvdmlkZXIiOiJlbWFpbCJ9LCJ1c2VyX21ldGFkYXRhIjp7fSwiYW1yIjpbeyJtZXRob2QiOiJwYXNzd29yZCIsInRpbWVzdGFtcC"
         "I6MTc5OTk5OTk5NX1dLCJpc19hbm9ueW1vdXMiOmZhbHNlfQ.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
         "signature"},
    {"RS256, signature of nothing",
         "eyJhbGciOiJSUzI1NiIsImtpZCI6InJzYSIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIwYjVhN2ExYy0yZjVlLTRkMGUtOWQzYi02ZjFmNmY4ZjJiMTEiLCJhdWQiOiJhdXRoZW50aWNhdGVkIiwiZXhwI"
         "joxODAwMDAzNjAwLCJpYXQiOjE3OTk5OTk5OTUsImlzcyI6Imh0dHBzOi8vaXNzdWVyLnRlc3QvYXV0aC92MSIsInJvbGUiOiJhdXRoZW50aWNhdGVkIiwiZW1haWwiOiJhbm5AZXhhbXBsZS50ZXN"
         "0Iiwic2Vzc2lvbl9pZCI6IngiLCJhcHBfbWV0YWRhdGEiOnsicHJvdmlkZXIiOiJlbWFpbCJ9LCJ1c2VyX21ldGFkYXRhIjp7fSwiYW1yIjpbeyJtZXRob2QiOiJwYXNzd29yZCIsInRpbWVzdGFtc"
         "CI6MTc5OTk5OTk5NX1dLCJpc19hbm9ueW1vdXMiOmZhbHNlfQ.",
         "signature"},
    {"a kid of numbers",
         "eyJhbGciOiJIUzI1NiIsImtpZCI6N30.eyJzdWIiOiAiMGI1YTdhMWMtMmY1ZS00ZDBlLTlkM2ItNmYxZjZmOGYyYjExIiwgImF1ZCI6ICJhdXRoZW50aWNhdGVkIiwgImV4cCI6IDE4MDAwMDM2MD"
         "AsICJpYXQiOiAxNzk5OTk5OTk1LCAiaXNzIjogImh0dHBzOi8vaXNzdWVyLnRlc3QvYXV0aC92MSIsICJyb2xlIjogImF1dGhlbnRpY2F0ZWQiLCAiZW1haWwiOiAiYW5uQGV4YW1wbGUudGVzdCIs"
         "ICJzZXNzaW9uX2lkIjogIngiLCAiYXBwX21ldGFkYXRhIjogeyJwcm92aWRlciI6ICJlbWFpbCJ9LCAidXNlcl9tZXRhZGF0YSI6IHt9LCAiYW1yIjogW3sibWV0aG9kIjogInBhc3N3b3JkIiwgIn"
         "RpbWVzdGFtcCI6IDE3OTk5OTk5OTV9XSwgImlzX2Fub255bW91cyI6IGZhbHNlfQ.RBRtKicPeJtMx4B2Sf19po849uTnZlme7SfrbtXVwEQ",
         "(kid)"},
    {"a long kid",
         "eyJhbGciOiJIUzI1NiIsImtpZCI6Imtra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2"
         "tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tr"
         "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2trIn0.eyJzdWIiOiAiMGI1YTdhMWMtMmY1ZS00ZDBlLTlkM2ItNmYxZjZmOGYyYjExIiwgImF1ZCI6IC"
         "JhdXRoZW50aWNhdGVkIiwgImV4cCI6IDE4MDAwMDM2MDAsICJpYXQiOiAxNzk5OTk5OTk1LCAiaXNzIjogImh0dHBzOi8vaXNzdWVyLnRlc3QvYXV0aC92MSIsICJyb2xlIjogImF1dGhlbnRpY2F0"
         "ZWQiLCAiZW1haWwiOiAiYW5uQGV4YW1wbGUudGVzdCIsICJzZXNzaW9uX2lkIjogIngiLCAiYXBwX21ldGFkYXRhIjogeyJwcm92aWRlciI6ICJlbWFpbCJ9LCAidXNlcl9tZXRhZGF0YSI6IHt9LC"
         "AiYW1yIjogW3sibWV0aG9kIjogInBhc3N3b3JkIiwgInRpbWVzdGFtcCI6IDE3OTk5OTk5OTV9XSwgImlzX2Fub255bW91cyI6IGZhbHNlfQ.TRjz5jprFOofem8DOo6LHywfQBxYEM_8xDSt264fd"
         "nA",
         "(kid)"},
    {"crit",
         "eyJhbGciOiJIUzI1NiIsImNyaXQiOlsiYjY0Il0sImI2NCI6dHJ1ZX0.eyJzdWIiOiAiMGI1YTdhMWMtMmY1ZS00ZDBlLTlkM2ItNmYxZjZmOGYyYjExIiwgImF1ZCI6ICJhdXRoZW50aWNhdGVkIi"
         "wgImV4cCI6IDE4MDAwMDM2MDAsICJpYXQiOiAxNzk5OTk5OTk1LCAiaXNzIjogImh0dHBzOi8vaXNzdWVyLnRlc3QvYXV0aC92MSIsICJyb2xlIjogImF1dGhlbnRpY2F0ZWQiLCAiZW1haWwiOiAi"
         "YW5uQGV4YW1wbGUudGVzdCIsICJzZXNzaW9uX2lkIjogIngiLCAiYXBwX21ldGFkYXRhIjogeyJwcm92aWRlciI6ICJlbWFpbCJ9LCAidXNlcl9tZXRhZGF0YSI6IHt9LCAiYW1yIjogW3sibWV0aG"
         "9kIjogInBhc3N3b3JkIiwgInRpbWVzdGFtcCI6IDE3OTk5OTk5OTV9XSwgImlzX2Fub255bW91cyI6IGZhbHNlfQ.13-SgpIYC8hdU6tTEptLGXIllg7Z-ThcMcpfKFVsfxk",
         "(crit)"},
    {"a token to sign out with",
         "eyJhbGciOiJIUzI1NiIsInR5cCI6ImxvZ291dCtqd3QifQ.eyJzdWIiOiAiMGI1YTdhMWMtMmY1ZS00ZDBlLTlkM2ItNmYxZjZmOGYyYjExIiwgImF1ZCI6ICJhdXRoZW50aWNhdGVkIiwgImV4cCI"
         "6IDE4MDAwMDM2MDAsICJpYXQiOiAxNzk5OTk5OTk1LCAiaXNzIjogImh0dHBzOi8vaXNzdWVyLnRlc3QvYXV0aC92MSIsICJyb2xlIjogImF1dGhlbnRpY2F0ZWQiLCAiZW1haWwiOiAiYW5uQGV4Y"
         "W1wbGUudGVzdCIsICJzZXNzaW9uX2lkIjogIngiLCAiYXBwX21ldGFkYXRhIjogeyJwcm92aWRlciI6ICJlbWFpbCJ9LCAidXNlcl9tZXRhZGF0YSI6IHt9LCAiYW1yIjogW3sibWV0aG9kIjogInB"
         "hc3N3b3JkIiwgInRpbWVzdGFtcCI6IDE3OTk5OTk5OTV9XSwgImlzX2Fub255bW91cyI6IGZhbHNlfQ.fCk_wCxjMrs8rvQrVy2Wk6S7k_knbGwRWwNH8lxaMoM",
         "(typ)"},
    {"alg twice",
         "eyJhbGciOiJub25lIiwiYWxnIjoiSFMyNTYifQ.eyJzdWIiOiAiMGI1YTdhMWMtMmY1ZS00ZDBlLTlkM2ItNmYxZjZmOGYyYjExIiwgImF1ZCI6ICJhdXRoZW50aWNhdGVkIiwgImV4cCI6IDE4MDA"
         "wMDM2MDAsICJpYXQiOiAxNzk5OTk5OTk1LCAiaXNzIjogImh0dHBzOi8vaXNzdWVyLnRlc3QvYXV0aC92MSIsICJyb2xlIjogImF1dGhlbnRpY2F0ZWQiLCAiZW1haWwiOiAiYW5uQGV4YW1wbGUud"
         "GVzdCIsICJzZXNzaW9uX2lkIjogIngiLCAiYXBwX21ldGFkYXRhIjogeyJwcm92aWRlciI6ICJlbWFpbCJ9LCAidXNlcl9tZXRhZGF0YSI6IHt9LCAiYW1yIjogW3sibWV0aG9kIjogInBhc3N3b3J"
         "kIiwgInRpbWVzdGFtcCI6IDE3OTk5OTk5OTV9XSwgImlzX2Fub255bW91cyI6IGZhbHNlfQ.RpU0b2c7Kx2fwvqHL3LI8pDtuW6a4gxI4j6YwoDYT0A",
         "twice"},
    {"sub twice",
         "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbm4iLCJzdWIiOiAiMGI1YTdhMWMtMmY1ZS00ZDBlLTlkM2ItNmYxZjZmOGYyYjExIiwgImF1ZCI6ICJhdXRoZW50aWNhdGVkIiwgI"
         "mV4cCI6IDE4MDAwMDM2MDAsICJpYXQiOiAxNzk5OTk5OTk1LCAiaXNzIjogImh0dHBzOi8vaXNzdWVyLnRlc3QvYXV0aC92MSIsICJyb2xlIjogImF1dGhlbnRpY2F0ZWQiLCAiZW1haWwiOiAiYW5"
         "uQGV4YW1wbGUudGVzdCIsICJzZXNzaW9uX2lkIjogIngiLCAiYXBwX21ldGFkYXRhIjogeyJwcm92aWRlciI6ICJlbWFpbCJ9LCAidXNlcl9tZXRhZGF0YSI6IHt9LCAiYW1yIjogW3sibWV0aG9kI"
         "jogInBhc3N3b3JkIiwgInRpbWVzdGFtcCI6IDE3OTk5OTk5OTV9XSwgImlzX2Fub255bW91cyI6IGZhbHNlfQ.ABQWJMhEO7UxWJAZP3jLKVcs27iAHfexOPbfZedcgaE",
         "twice"},
    {"twice, deep",
         "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ4IjpbeyJhIjoxLCJhIjoyfV0sInN1YiI6ICIwYjVhN2ExYy0yZjVlLTRkMGUtOWQzYi02ZjFmNmY4ZjJiMTEiLCAiYXVkIjogImF1dGhlbnRpY"
         "2F0ZWQiLCAiZXhwIjogMTgwMDAwMzYwMCwgImlhdCI6IDE3OTk5OTk5OTUsICJpc3MiOiAiaHR0cHM6Ly9pc3N1ZXIudGVzdC9hdXRoL3YxIiwgInJvbGUiOiAiYXV0aGVudGljYXRlZCIsICJlbWF"
         "pbCI6ICJhbm5AZXhhbXBsZS50ZXN0IiwgInNlc3Npb25faWQiOiAieCIsICJhcHBfbWV0YWRhdGEiOiB7InByb3ZpZGVyIjogImVtYWlsIn0sICJ1c2VyX21ldGFkYXRhIjoge30sICJhbXIiOiBbe"
         "yJtZXRob2QiOiAicGFzc3dvcmQiLCAidGltZXN0YW1wIjogMTc5OTk5OTk5NX1dLCAiaXNfYW5vbnltb3VzIjogZmFsc2V9.FIT0gNhH9yrxIbGket3b9ha8cASHefLX0HeGyok63xQ",
         "twice"},
    {"the same name in two objects",
         "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ4IjpbeyJhIjoxfSx7ImEiOjJ9XSwic3ViIjogIjBiNWE3YTFjLTJmNWUtNGQwZS05ZDNiLTZmMWY2ZjhmMmIxMSIsICJhdWQiOiAiYXV0aGVud"
         "GljYXRlZCIsICJleHAiOiAxODAwMDAzNjAwLCAiaWF0IjogMTc5OTk5OTk5NSwgImlzcyI6ICJodHRwczovL2lzc3Vlci50ZXN0L2F1dGgvdjEiLCAicm9sZSI6ICJhdXRoZW50aWNhdGVkIiwgImV"
         "tYWlsIjogImFubkBleGFtcGxlLnRlc3QiLCAic2Vzc2lvbl9pZCI6ICJ4IiwgImFwcF9tZXRhZGF0YSI6IHsicHJvdmlkZXIiOiAiZW1haWwifSwgInVzZXJfbWV0YWRhdGEiOiB7fSwgImFtciI6I"
         "Ft7Im1ldGhvZCI6ICJwYXNzd29yZCIsICJ0aW1lc3RhbXAiOiAxNzk5OTk5OTk1fV0sICJpc19hbm9ueW1vdXMiOiBmYWxzZX0.KgCBkxV0ojSoYwZlv-ryyBGnOIw1Re1BsO2dR4zCmmY",
         ""},
    {"more after a NUL",
         "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiAiMGI1YTdhMWMtMmY1ZS00ZDBlLTlkM2ItNmYxZjZmOGYyYjExIiwgImF1ZCI6ICJhdXRoZW50aWNhdGVkIiwgImV4cCI6IDE4MDAwM"
         "DM2MDAsICJpYXQiOiAxNzk5OTk5OTk1LCAiaXNzIjogImh0dHBzOi8vaXNzdWVyLnRlc3QvYXV0aC92MSIsICJyb2xlIjogImF1dGhlbnRpY2F0ZWQiLCAiZW1haWwiOiAiYW5uQGV4YW1wbGUudGV"
         "zdCIsICJzZXNzaW9uX2lkIjogIngiLCAiYXBwX21ldGFkYXRhIjogeyJwcm92aWRlciI6ICJlbWFpbCJ9LCAidXNlcl9tZXRhZGF0YSI6IHt9LCAiYW1yIjogW3sibWV0aG9kIjogInBhc3N3b3JkI"
         "iwgInRpbWVzdGFtcCI6IDE3OTk5OTk5OTV9XSwgImlzX2Fub255bW91cyI6IGZhbHNlfQB7.-7qQnAsYlt2xMkmHQG5fO4z6ithvFIgDaiQyqgZaUl0",
         "no JSON"},
    {"claims in a list",
         "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.W3sic3ViIjogIjBiNWE3YTFjLTJmNWUtNGQwZS05ZDNiLTZmMWY2ZjhmMmIxMSIsICJhdWQiOiAiYXV0aGVudGljYXRlZCIsICJleHAiOiAxODAwM"
         "DAzNjAwLCAiaWF0IjogMTc5OTk5OTk5NSwgImlzcyI6ICJodHRwczovL2lzc3Vlci50ZXN0L2F1dGgvdjEiLCAicm9sZSI6ICJhdXRoZW50aWNhdGVkIiwgImVtYWlsIjogImFubkBleGFtcGxlLnR"
         "lc3QiLCAic2Vzc2lvbl9pZCI6ICJ4IiwgImFwcF9tZXRhZGF0YSI6IHsicHJvdmlkZXIiOiAiZW1haWwifSwgInVzZXJfbWV0YWRhdGEiOiB7fSwgImFtciI6IFt7Im1ldGhvZCI6ICJwYXNzd29yZ"
         "CIsICJ0aW1lc3RhbXAiOiAxNzk5OTk5OTk1fV0sICJpc19hbm9ueW1vdXMiOiBmYWxzZX1d.7jHV4It_6oSD029yIeELdf6ttN21uP6WjeMsLcMm3_o",
         "no object"},
    {"too deep",
         "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ4IjpbW1tbW1tbW1tbW1tbW1tbW1tbW11dXV1dXV1dXV1dXV1dXV1dXV1dLCJzdWIiOiAiMGI1YTdhMWMtMmY1ZS00ZDBlLTlkM2ItNmYxZjZmO"
         "GYyYjExIiwgImF1ZCI6ICJhdXRoZW50aWNhdGVkIiwgImV4cCI6IDE4MDAwMDM2MDAsICJpYXQiOiAxNzk5OTk5OTk1LCAiaXNzIjogImh0dHBzOi8vaXNzdWVyLnRlc3QvYXV0aC92MSIsICJyb2x"
         "lIjogImF1dGhlbnRpY2F0ZWQiLCAiZW1haWwiOiAiYW5uQGV4YW1wbGUudGVzdCIsICJzZXNzaW9uX2lkIjogIngiLCAiYXBwX21ldGFkYXRhIjogeyJwcm92aWRlciI6ICJlbWFpbCJ9LCAidXNlc"
         "l9tZXRhZGF0YSI6IHt9LCAiYW1yIjogW3sibWV0aG9kIjogInBhc3N3b3JkIiwgInRpbWVzdGFtcCI6IDE3OTk5OTk5OTV9XSwgImlzX2Fub255bW91cyI6IGZhbHNlfQ.WgneaKCYoTZbXHvreol2"
         "09wZiVpMQ0U0JUT5xBCa5wQ",
         "nested"},
    {"unused bits set",
         "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIwYjVhN2ExYy0yZjVlLTRkMGUtOWQzYi02ZjFmNmY4ZjJiMTEiLCJhdWQiOiJhdXRoZW50aWNhdGVkIiwiZXhwIjoxODAwMDAzNjAwL"
         "CJpYXQiOjE3OTk5OTk5OTUsImlzcyI6Imh0dHBzOi8vaXNzdWVyLnRlc3QvYXV0aC92MSIsInJvbGUiOiJhdXRoZW50aWNhdGVkIiwiZW1haWwiOiJhbm5AZXhhbXBsZS50ZXN0Iiwic2Vzc2lvbl9"
         "pZCI6IngiLCJhcHBfbWV0YWRhdGEiOnsicHJvdmlkZXIiOiJlbWFpbCJ9LCJ1c2VyX21ldGFkYXRhIjp7fSwiYW1yIjpbeyJtZXRob2QiOiJwYXNzd29yZCIsInRpbWVzdGFtcCI6MTc5OTk5OTk5N"
         "X1dLCJpc19hbm9ueW1vdXMiOmZhbHNlfQ.Ou60hXCsaXH3diK3rt4dsMNYLW_vlMmjrDw90N6FhoZ",
         "base64url"},
    {"padded",
         "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIwYjVhN2ExYy0yZjVlLTRkMGUtOWQzYi02ZjFmNmY4ZjJiMTEiLCJhdWQiOiJhdXRoZW50aWNhdGVkIiwiZXhwIjoxODAwMDAzNjAwL"
         "CJpYXQiOjE3OTk5OTk5OTUsImlzcyI6Imh0dHBzOi8vaXNzdWVyLnRlc3QvYXV0aC92MSIsInJvbGUiOiJhdXRoZW50aWNhdGVkIiwiZW1haWwiOiJhbm5AZXhhbXBsZS50ZXN0Iiwic2Vzc2lvbl9"
         "pZCI6IngiLCJhcHBfbWV0YWRhdGEiOnsicHJvdmlkZXIiOiJlbWFpbCJ9LCJ1c2VyX21ldGFkYXRhIjp7fSwiYW1yIjpbeyJtZXRob2QiOiJwYXNzd29yZCIsInRpbWVzdGFtcCI6MTc5OTk5OTk5N"
         "X1dLCJpc19hbm9ueW1vdXMiOmZhbHNlfQ.Ou60hXCsaXH3diK3rt4dsMNYLW_vlMmjrDw90N6FhoY=",
         "base64url"},
    {"a blank within",
         "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9. eyJzdWIiOiIwYjVhN2ExYy0yZjVlLTRkMGUtOWQzYi02ZjFmNmY4ZjJiMTEiLCJhdWQiOiJhdXRoZW50aWNhdGVkIiwiZXhwIjoxODAwMDAzNjAw"
         "LCJpYXQiOjE3OTk5OTk5OTUsImlzcyI6Imh0dHBzOi8vaXNzdWVyLnRlc3QvYXV0aC92MSIsInJvbGUiOiJhdXRoZW50aWNhdGVkIiwiZW1haWwiOiJhbm5AZXhhbXBsZS50ZXN0Iiwic2Vzc2lvbl"
         "9pZCI6IngiLCJhcHBfbWV0YWRhdGEiOnsicHJvdmlkZXIiOiJlbWFpbCJ9LCJ1c2VyX21ldGFkYXRhIjp7fSwiYW1yIjpbeyJtZXRob2QiOiJwYXNzd29yZCIsInRpbWVzdGFtcCI6MTc5OTk5OTk5"
         "NX1dLCJpc19hbm9ueW1vdXMiOmZhbHNlfQ.Ou60hXCsaXH3diK3rt4dsMNYLW_vlMmjrDw90N6FhoY",
         "base64url"},
    {"two parts",
         "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIwYjVhN2ExYy0yZjVlLTRkMGUtOWQzYi02ZjFmNmY4ZjJiMTEiLCJhdWQiOiJhdXRoZW50aWNhdGVkIiwiZXhwIjoxODAwMDAzNjAwL"
         "CJpYXQiOjE3OTk5OTk5OTUsImlzcyI6Imh0dHBzOi8vaXNzdWVyLnRlc3QvYXV0aC92MSIsInJvbGUiOiJhdXRoZW50aWNhdGVkIiwiZW1haWwiOiJhbm5AZXhhbXBsZS50ZXN0Iiwic2Vzc2lvbl9"
         "pZCI6IngiLCJhcHBfbWV0YWRhdGEiOnsicHJvdmlkZXIiOiJlbWFpbCJ9LCJ1c2VyX21ldGFkYXRhIjp7fSwiYW1yIjpbeyJtZXRob2QiOiJwYXNzd29yZCIsInRpbWVzdGFtcCI6MTc5OTk5OTk5N"
         "X1dLCJpc19hbm9ueW1vdXMiOmZhbHNlfQ",
         "form"},
    {"four parts",
         "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIwYjVhN2ExYy0yZjVlLTRkMGUtOWQzYi02ZjFmNmY4ZjJiMTEiLCJhdWQiOiJhdXRoZW50aWNhdGVkIiwiZXhwIjoxODAwMDAzNjAwL"
         "CJpYXQiOjE3OTk5OTk5OTUsImlzcyI6Imh0dHBzOi8vaXNzdWVyLnRlc3QvYXV0aC92MSIsInJvbGUiOiJhdXRoZW50aWNhdGVkIiwiZW1haWwiOiJhbm5AZXhhbXBsZS50ZXN0Iiwic2Vzc2lvbl9"
         "pZCI6IngiLCJhcHBfbWV0YWRhdGEiOnsicHJvdmlkZXIiOiJlbWFpbCJ9LCJ1c2VyX21ldGFkYXRhIjp7fSwiYW1yIjpbeyJtZXRob2QiOiJwYXNzd29yZCIsInRpbWVzdGFtcCI6MTc5OTk5OTk5N"
         "X1dLCJpc19hbm9ueW1vdXMiOmZhbHNlfQ.Ou60hXCsaXH3diK3rt4dsMNYLW_vlMmjrDw90N6FhoY.x",
         "form"},
    {"five parts",
         "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIwYjVhN2ExYy0yZjVlLTRkMGUtOWQzYi02ZjFmNmY4ZjJiMTEiLCJhdWQiOiJhdXRoZW50aWNhdGVkIiwiZXhwIjoxODAwMDAzNjAwL"
         "CJpYXQiOjE3OTk5OTk5OTUsImlzcyI6Imh0dHBzOi8vaXNzdWVyLnRlc3QvYXV0aC92MSIsInJvbGUiOiJhdXRoZW50aWNhdGVkIiwiZW1haWwiOiJhbm5AZXhhbXBsZS50ZXN0Iiwic2Vzc2lvbl9"
         "pZCI6IngiLCJhcHBfbWV0YWRhdGEiOnsicHJvdmlkZXIiOiJlbWFpbCJ9LCJ1c2VyX21ldGFkYXRhIjp7fSwiYW1yIjpbeyJtZXRob2QiOiJwYXNzd29yZCIsInRpbWVzdGFtcCI6MTc5OTk5OTk5N"
         "X1dLCJpc19hbm9ueW1vdXMiOmZhbHNlfQ.Ou60hXCsaXH3diK3rt4dsMNYLW_vlMmjrDw90N6FhoY.x.y",
         "form"},
    {"nothing",
         "",
         "form"},
    {"dots",
         "..",
         "header"},
    {"text",
         "letmein",
         "form"},
};

}  // namespace voicectl::serve
