import eu.europa.esig.dss.model.FileDocument;
import eu.europa.esig.dss.model.x509.CertificateToken;
import eu.europa.esig.dss.spi.DSSUtils;
import eu.europa.esig.dss.spi.validation.CommonCertificateVerifier;
import eu.europa.esig.dss.spi.x509.CommonTrustedCertificateSource;
import eu.europa.esig.dss.pades.validation.PDFDocumentValidator;
import eu.europa.esig.dss.validation.reports.Reports;
import eu.europa.esig.dss.simplereport.SimpleReport;
import java.io.File;
import java.util.*;

/**
 * Prints one line for each signature of each file:
 * file TAB id TAB format TAB indication TAB sub-indication TAB errors.
 * Arguments: time in milliseconds, trusted certificates (DER) up to "--", files, each as name=password.
 */
public class Validate {
    public static void main(String[] args) throws Exception {
        int i = 0;
        Date at = new Date(Long.parseLong(args[i++]));
        CommonTrustedCertificateSource trusted = new CommonTrustedCertificateSource();
        while (!args[i].equals("--")) {
            trusted.addCertificate(DSSUtils.loadCertificate(new File(args[i++])));
        }
        for (i++; i < args.length; i++) {
            CommonCertificateVerifier verifier = new CommonCertificateVerifier(true); // no fetching
            verifier.setTrustedCertSources(trusted);
            String[] arg = args[i].split("=", 2);
            PDFDocumentValidator v = new PDFDocumentValidator(new FileDocument(arg[0]));
            if (arg.length > 1 && !arg[1].isEmpty()) v.setPasswordProtection(arg[1].toCharArray());
            v.setCertificateVerifier(verifier);
            v.setValidationTime(at);
            Reports reports = v.validateDocument();
            SimpleReport r = reports.getSimpleReport();
            if (r.getSignatureIdList().isEmpty()) {
                System.out.println(arg[0] + "\tNONE");
            }
            for (String id : r.getSignatureIdList()) {
                List<String> errors = new ArrayList<>();
                r.getAdESValidationErrors(id).forEach(m -> errors.add(m.getValue()));
                System.out.println(String.join("\t", arg[0], id, String.valueOf(r.getSignatureFormat(id)),
                        String.valueOf(r.getIndication(id)), String.valueOf(r.getSubIndication(id)), String.join("; ", errors)));
            }
        }
    }
}
