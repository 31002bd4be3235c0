"""The companies that the MSP looks after."""

from __future__ import annotations

from bot.neo.models.end_companies import EndCompany, NewEndCompany
from bot.neo.operation import Operation
from bot.neo.resource import Resource


class EndCompanies(Resource):
    """The MSP's clients. Source: Neo API reference, End companies."""

    CREATE = Operation(
        "end_companies.create",
        "POST",
        "/public-api/end-companies",
        EndCompany,
        sends=("psa_company_id", "psa_company_name"),
    )
    GET = Operation(
        "end_companies.get", "GET", "/public-api/end-companies/{psa_company_id}", EndCompany
    )

    async def create(self, company: NewEndCompany) -> EndCompany:
        """Add a company. Shape: ``POST /public-api/end-companies`` {company} -> company.

        Raises:
            NeoUnavailable: nobody knows whether it was added: `get` says so.
        """
        return await self._one(self.CREATE, body=company.body())

    async def get(self, psa_company: str) -> EndCompany:
        """One company, by its id in the PSA.

        Shape: ``GET /public-api/end-companies/{psa_company_id}`` -> company.

        Raises:
            NeoNotFound: Neo knows no such company.
        """
        return await self._one(self.GET, psa_company_id=psa_company)
