// Requests and responses.
#ifndef CARILLON_WSFACADE_HTTP_MESSAGE_H_
#define CARILLON_WSFACADE_HTTP_MESSAGE_H_

#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

namespace carillon::facade {

using HttpRequest = boost::beast::http::request<boost::beast::http::string_body>;
// All of a request but its body.
using HttpHeader = HttpRequest::header_type;
using HttpResponse = boost::beast::http::response<boost::beast::http::string_body>;

}  // namespace carillon::facade

#endif  // CARILLON_WSFACADE_HTTP_MESSAGE_H_
