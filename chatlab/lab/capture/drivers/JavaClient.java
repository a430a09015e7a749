import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.InetSocketAddress;
import java.net.ProxySelector;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.security.SecureRandom;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509ExtendedTrustManager;

/** One POST by Java's HttpClient, told as one line of JSON. */
public class JavaClient {
    private static final String PAYLOAD =
            "{\"model\":\"gpt-5-mini\",\"messages\":[{\"role\":\"user\",\"content\":\"Weather?\"}]}";

    public static void main(String[] arguments) throws Exception {
        String url = arguments[1];
        String knobs = arguments[2];
        boolean proxied = knobs.contains("\"proxy\"");
        HttpClient.Builder builder = HttpClient.newBuilder();
        Double connect = number(knobs, "connect_timeout_s");
        if (connect != null) builder.connectTimeout(Duration.ofMillis((long) (connect * 1000)));
        if (knobs.contains("\"http2\"")) builder.sslContext(trusting());
        else builder.version(HttpClient.Version.HTTP_1_1);
        URI given = URI.create(url);
        if (proxied) {
            builder.proxy(ProxySelector.of(new InetSocketAddress(given.getHost(), given.getPort())));
        }
        URI target = proxied ? URI.create("http://api.example.com/v1/chat/completions") : given;
        HttpRequest.Builder request =
                HttpRequest.newBuilder(target).POST(HttpRequest.BodyPublishers.ofString(PAYLOAD));
        Double read = number(knobs, "read_timeout_s");
        if (read != null) request.timeout(Duration.ofMillis((long) (read * 1000)));
        Double deadline = number(knobs, "deadline_s");
        String report;
        try {
            HttpResponse<String> response;
            if (deadline != null) {
                response = builder.build()
                        .sendAsync(request.build(), HttpResponse.BodyHandlers.ofString())
                        .get((long) (deadline * 1000), TimeUnit.MILLISECONDS);
            } else {
                response = builder.build().send(request.build(), HttpResponse.BodyHandlers.ofString());
            }
            report = response.statusCode() < 400 ? "\"passed\":true" : "\"status\":" + response.statusCode()
                    + ",\"headers\":{" + headers(response) + "},\"body\":" + quoted(response.body())
                    + ",\"text\":" + quoted(response.toString());
        } catch (Exception error) {
            report = "\"exception\":{\"type\":" + quoted(error.getClass().getName()) + ",\"text\":"
                    + quoted(error.getMessage() == null ? "" : error.getMessage()) + "},\"text\":"
                    + (error.getCause() == null ? "null" : quoted(chain(error)));
        }
        System.out.println("{\"version\":" + quoted(System.getProperty("java.version")) + "," + report + "}");
        System.exit(0);
    }

    private static String headers(HttpResponse<String> response) {
        return response.headers().map().entrySet().stream()
                .map(entry -> quoted(entry.getKey()) + ":" + quoted(entry.getValue().get(0)))
                .collect(Collectors.joining(","));
    }

    private static String chain(Throwable error) {
        StringWriter text = new StringWriter();
        error.printStackTrace(new PrintWriter(text, true));
        return text.toString().lines()
                .filter(line -> !line.startsWith("\tat ") && !line.startsWith("\t..."))
                .collect(Collectors.joining("\n"));
    }

    private static Double number(String knobs, String name) {
        Matcher found = Pattern.compile("\"" + name + "\": ?([0-9.]+)").matcher(knobs);
        return found.find() ? Double.valueOf(found.group(1)) : null;
    }

    private static String quoted(String text) {
        StringBuilder out = new StringBuilder("\"");
        for (char c : text.toCharArray()) {
            if (c == '"' || c == '\\') out.append('\\').append(c);
            else if (c < 0x20) out.append(String.format("\\u%04x", (int) c));
            else out.append(c);
        }
        return out.append('"').toString();
    }

    private static SSLContext trusting() throws Exception {
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, new TrustManager[] {new Anyone()}, new SecureRandom());
        return context;
    }

    /** The HTTP/2 origins' certificates are made for one run; nobody could vouch for them. */
    private static final class Anyone extends X509ExtendedTrustManager {
        public void checkClientTrusted(X509Certificate[] chain, String type, java.net.Socket socket) {}
        public void checkServerTrusted(X509Certificate[] chain, String type, java.net.Socket socket) {}
        public void checkClientTrusted(X509Certificate[] chain, String type, javax.net.ssl.SSLEngine engine) {}
        public void checkServerTrusted(X509Certificate[] chain, String type, javax.net.ssl.SSLEngine engine) {}
        public void checkClientTrusted(X509Certificate[] chain, String type) {}
        public void checkServerTrusted(X509Certificate[] chain, String type) {}
        public X509Certificate[] getAcceptedIssuers() { return new X509Certificate[0]; }
    }
}
